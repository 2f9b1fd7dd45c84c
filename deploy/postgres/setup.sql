-- The role with which ronda-agent watches a PostgreSQL server (10 or later). It sees statistics and
-- settings, and no table of yours. Run it once per server as a superuser; running it again does no
-- harm:
--
--   sudo -u postgres psql -v ON_ERROR_STOP=1 -f setup.sql
--
-- Then give the role a password, which psql asks for and sends as a hash only:
--
--   sudo -u postgres psql -c '\password ronda'

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'ronda') THEN
    CREATE ROLE ronda;
  END IF;
END
$$;

-- The agent keeps one connection; the second is for a restart of the agent that the server has not
-- yet noticed, the third for a person who looks at something.
ALTER ROLE ronda WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 3;

-- Other users' sessions in pg_stat_activity, all settings, sizes.
GRANT pg_monitor TO ronda;

-- pg_stat_activity covers the whole server from any database: this one is enough.
GRANT CONNECT ON DATABASE postgres TO ronda;

-- What the agent sets on its session anyway, for whoever else uses the role.
ALTER ROLE ronda SET statement_timeout = '2s';
ALTER ROLE ronda SET lock_timeout = '500ms';
ALTER ROLE ronda SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE ronda SET default_transaction_read_only = on;
