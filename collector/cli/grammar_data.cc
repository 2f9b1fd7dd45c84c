// Commands about the data as a whole: files, backups, exchange, scripts.
#include <CLI/CLI.hpp>

#include "collector/cli/grammar.h"

namespace ronda::cli {

void Grammar::AddExport() {
  CLI::App* command = AddCommand(
      app_.get(), "export", "Raw samples as CSV or Prometheus text, for `ronda import` and others",
      "  ronda export > all.csv\n"
      "  ronda export 'node_load1{node=\"web1\"}' up --since 7d --file load.csv\n"
      "  ronda export --from 2026-11-01 --to 2026-11-02 -o prometheus | zstd > day.prom.zst");
  command
      ->add_option("selector", export_.selectors,
                   "Metrics, with label matchers; none: every series")
      ->type_name("SELECTOR");
  AddSpan(command, &export_.window);
  command->add_option("--file", export_.file, "Write here (- is standard output)")
      ->type_name("FILE");
  On(command, [this] { line_.command = export_; });
}

void Grammar::AddImport() {
  CLI::App* command = AddCommand(
      app_.get(), "import", "Samples of such files into a running collector; what is there stays",
      "  ronda import all.csv\n"
      "  zstdcat day.prom.zst | ronda import -\n"
      "  ronda import metrics.prom --node web1 --job legacy --dry-run");
  command->add_option("file", import_.files, "CSV or Prometheus text; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_option("--node", import_.node, "The node of series without the label node")
      ->type_name("NODE");
  command->add_option("--job", import_.job, "The job of series without the label job (import)")
      ->type_name("JOB");
  command->add_flag("--seconds", import_.seconds,
                    "Times are in seconds (OpenMetrics), not milliseconds");
  command->add_flag("--skip-bad", import_.skip_bad, "Leave bad lines out instead of stopping");
  command->add_flag("--dry-run", import_.dry_run, "Read and check, write nothing");
  On(command, [this] { line_.command = import_; });
}

void Grammar::AddStore() {
  CLI::App* store = AddCommand(app_.get(), "store", "Care for a data folder",
                               "  ronda store check --data /var/lib/ronda-collector\n"
                               "  ronda store stats --data /var/lib/ronda-collector\n"
                               "  ronda store repair --data /var/lib/ronda-collector");
  store->require_subcommand(1);
  On(AddCommand(store, "check",
                "Read every page, row, block and record, and every checksum; changes nothing, "
                "also beside a running collector. Exit code 1 if something is damaged",
                "  ronda store check\n"
                "  ronda store check --data /var/lib/ronda-collector -o json"),
     [this] { line_.command = StoreCheckArgs(); });
  On(AddCommand(store, "stats", "Bytes, rows and samples of each file, by kind",
                "  ronda store stats\n"
                "  ronda store stats --data /var/lib/ronda-collector -o json"),
     [this] { line_.command = StoreStatsArgs(); });
  CLI::App* repair =
      AddCommand(store, "repair", "Rebuild a damaged ronda.db, keeping all that can be read",
                 "  ronda --data /var/lib/ronda-collector store repair");
  On(repair, [this] { line_.command = RepairArgs(); });
}

void Grammar::AddBackup() {
  CLI::App* backup = AddCommand(
      app_.get(), "backup",
      "Copy the data into a folder, also while the collector runs; after the first time only "
      "what changed. With it goes the certificate authority, its private key too (mode 0600): "
      "keep the folder as safe as the collector itself",
      "  ronda backup /backup/ronda                    # of the collector on this machine\n"
      "  ronda backup /backup/ronda --data /var/lib/ronda-collector\n"
      "  ronda backup verify /backup/ronda || echo 'the backup is damaged'\n"
      "  ronda backup drill /backup/ronda\n"
      "  ronda restore /backup/ronda --data /var/lib/ronda-collector");
  backup->require_subcommand(0, 1);
  auto* dir = backup->add_option("dir", backup_.dir, "Where the backup is, or is to be");
  dir->type_name("DIR");
  backup->add_flag("--full", backup_.full,
                   "Copy closed history files again, also where they seem not to have changed");
  CLI::App* verify = AddCommand(
      backup, "verify",
      "Read a backup: checksums, SQLite's own order, every row, block and record. Exit code 1 if "
      "something is damaged",
      "  ronda backup verify /backup/ronda");
  verify->add_option("dir", backup_.dir, "The backup")->required()->type_name("DIR");
  On(verify, [this] {
    backup_.action = BackupArgs::Action::kVerify;
    line_.command = backup_;
  });
  CLI::App* drill = AddCommand(
      backup, "drill",
      "Restore a backup into a scratch folder, read all of it, and say how long that took",
      "  ronda backup drill /backup/ronda\n"
      "  ronda backup drill /backup/ronda --scratch /var/tmp -o json");
  drill->add_option("dir", backup_.dir, "The backup")->required()->type_name("DIR");
  drill->add_option("--scratch", backup_.scratch, "Where to restore to (TMPDIR, or /tmp)")
      ->type_name("DIR");
  On(drill, [this] {
    backup_.action = BackupArgs::Action::kDrill;
    line_.command = backup_;
  });
  On(backup, [this, backup] {
    if (backup->get_subcommands().empty()) {
      if (backup_.dir.empty()) {
        throw CLI::RequiredError("backup: DIR");
      }
      line_.command = backup_;
    }
  });
}

void Grammar::AddRestore() {
  CLI::App* command = AddCommand(
      app_.get(), "restore",
      "Bring a backup back into a data folder that no collector has; the backup is verified "
      "before, the data after",
      "  ronda restore /backup/ronda --data /var/lib/ronda-collector\n"
      "  ronda restore /backup/ronda --data /var/lib/ronda-collector --replace");
  command->add_option("backup", restore_.backup, "The backup")->required()->type_name("DIR");
  command->add_flag("--replace", restore_.replace,
                    "Where there is data, first rename its folder to DIR.before-restore-TIME");
  On(command, [this] { line_.command = restore_; });
}

void Grammar::AddTest() {
  CLI::App* test =
      AddCommand(app_.get(), "test", "Try rules and expressions out, without a collector",
                 "  ronda test promql tests/promql/*.test");
  test->require_subcommand(1);
  CLI::App* promql = AddCommand(
      test, "promql",
      "Run test scripts of PromQL (load, eval instant, eval range, expect). Exit code 1 if a "
      "case "
      "fails",
      "  ronda test promql tests/promql/*.test\n  ronda test promql mine.test --verbose");
  promql->add_option("file", test_promql_.files, "The scripts")->required()->type_name("FILE");
  promql->add_flag("-v,--verbose", test_promql_.verbose, "Say what was skipped, and why");
  On(promql, [this] { line_.command = test_promql_; });
}

}  // namespace ronda::cli
