// From a token to a revoked node, with real programs.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/tls/certificate.h"
#include "tests/e2e/trust_collector.h"
#include "tests/support/connect_proxy.h"

namespace ronda {
namespace {

using testing::HasSubstr;

constexpr char kFast[] = "silence_grace: 0s\n";

class TrustTest : public TrustCollector {
 protected:
  std::string Token(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"enroll", "token"});
    const Output made = Ronda(arguments);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  }

  Output Enroll(const std::string& node, const std::string& token, const std::string& address = "",
                std::vector<std::string> more = {}) {
    EXPECT_TRUE(WriteFileAtomically(dir_.File("token"), token).ok());
    std::vector<std::string> command = more;
    command.insert(command.end(), {ProgramPath("ronda-agent"), "enroll", "--collector",
                                   address.empty() ? address_ : address, "--node", node, "--tls",
                                   dir_.File(node), "--token-file", dir_.File("token")});
    return RunProgram(command);
  }

  void StartAgent(const std::string& node, const std::string& address = "",
                  std::vector<std::string> more = {}) {
    more.insert(more.end(),
                {ProgramPath("ronda-agent"), "--collector", address.empty() ? address_ : address,
                 "--node", node, "--tls", dir_.File(node), "--spool", "none"});
    ASSERT_TRUE(agent_.Start(more, dir_.File("agent.log")));
  }

  bool IsLive(const std::string& node) {
    return Eventually(20'000, [&] {
      return Ronda({"nodes", node, "-o", "csv"}).out.find(",live,") != std::string::npos;
    });
  }

  bool AgentLogs(const std::string& text) {
    return Eventually(20'000, [&] {
      const auto log = ReadFile(dir_.File("agent.log"));
      return log.ok() && log->find(text) != std::string::npos;
    });
  }

  Process agent_;
};

TEST_F(TrustTest, FromATokenToARevokedNode) {
  StartCollector(kFast);
  const std::string token = Token({"--node", "web1"});
  EXPECT_THAT(Enroll("web2", token).err, HasSubstr("the token is for node web1, not for web2"));
  const Output enrolled = Enroll("web1", token);
  ASSERT_EQ(enrolled.exit_code, 0) << enrolled.err;
  struct stat info {};
  ASSERT_EQ(stat(dir_.File("web1/node.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(Enroll("web1", token).err, HasSubstr("it was used already"));

  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1"));
  EXPECT_TRUE(Eventually(20'000, [&] {  // of 90 days, 7,776,000 s
    return Ronda({"query", "ronda_certificate_expiry_seconds", "-o", "csv"}).out.find(",7775") !=
           std::string::npos;
  }));
  const Output revoked = Ronda({"revoke", "web1", "-o", "csv"});
  EXPECT_THAT(revoked.out, HasSubstr("web1,node,1"));
  EXPECT_TRUE(AgentLogs("the certificate of node web1 was revoked"));

  // Enrolled again while the agent runs: it comes back by itself.
  ASSERT_EQ(Enroll("web1", Token({"--node", "web1"})).exit_code, 0);
  EXPECT_TRUE(IsLive("web1"));

  const Output audit = Ronda({"audit", "-o", "csv"});
  for (const char* what : {",token,", ",enroll,", ",revoke,"}) {
    EXPECT_THAT(audit.out, HasSubstr(what));
  }
  EXPECT_EQ(Ronda({"audit", "--check"}).exit_code, 0);
  EXPECT_EQ(Ronda({"audit", "--head", std::string(64, '0')}).exit_code, 1);
}

TEST_F(TrustTest, AgentsKnowACollectorThatWasRestored) {
  StartCollector(kFast);
  ASSERT_EQ(Enroll("web1", Token({"--node", "web1"})).exit_code, 0);
  const Output backup = Ronda({"backup", dir_.File("backup")});
  ASSERT_EQ(backup.exit_code, 0) << backup.err;
  EXPECT_THAT(backup.err, HasSubstr("holds the private key of this collector's certificates"));
  collector_.Kill();
  std::filesystem::remove_all(dir_.File("data"));
  std::filesystem::remove(dir_.File("address"));
  const Output restored = RunProgram(
      {ProgramPath("ronda"), "--data", dir_.File("data"), "restore", dir_.File("backup")});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  StartCollector(kFast);
  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1")) << ReadFile(dir_.File("agent.log")).value_or("");
}

TEST_F(TrustTest, TokensExpireAndAreGuessedOnlyTenTimesAMinute) {
  StartCollector(kFast);
  const std::string token = Token({"--for", "1s"});
  EXPECT_TRUE(Eventually(10'000, [&] {
    const Output late = Enroll("late" + std::to_string(SystemClock().NowMs()), token);
    return late.err.find("the token expired on") != std::string::npos ||
           late.err.find("used already") != std::string::npos;
  }));
  EXPECT_EQ(Ronda({"enroll", "token", "--for", "48h"}).exit_code, 2);
  std::string guess = Token();
  guess.back() = guess.back() == '0' ? '1' : '0';
  std::string last;
  for (int i = 0; i < 12; ++i) {
    last = Enroll("guess", guess).err;
  }
  EXPECT_THAT(last, HasSubstr("too many wrong tokens"));
}

TEST_F(TrustTest, AnotherCollectorThanTheTokensIsNotBelieved) {
  StartCollector(kFast);
  std::string token = Token();
  const size_t at = token.find('.') + 1;
  token[at] = token[at] == '0' ? '1' : '0';
  EXPECT_THAT(Enroll("web1", token).err,
              HasSubstr("this is not the collector that the token is of"));
  EXPECT_THAT(Enroll("web1", "hello").err, HasSubstr("that is no token"));
}

TEST_F(TrustTest, PeopleGetWhatTheirRoleAllows) {
  StartCollector(kFast);
  const Output made =
      RunProgram({ProgramPath("ronda-collector"), "ca", "user", "alice", "--role", "read", "--data",
                  dir_.File("data"), "--socket", dir_.File("s"), "--out", dir_.File("alice")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto as_alice = [&](std::vector<std::string> arguments) {
    arguments.insert(
        arguments.begin(),
        {ProgramPath("ronda"), "--collector", address_, "--cert", dir_.File("alice/cert.pem"),
         "--key", dir_.File("alice/key.pem"), "--ca", dir_.File("alice/ca.pem")});
    return RunProgram(arguments);
  };
  EXPECT_EQ(as_alice({"nodes"}).exit_code, 0);
  EXPECT_THAT(as_alice({"enroll", "token"}).err,
              HasSubstr("MakeToken needs the role admin; this is user alice (read)"));
  EXPECT_EQ(Ronda({"revoke", "--user", "alice"}).exit_code, 0);
  EXPECT_THAT(as_alice({"nodes"}).err, HasSubstr("user alice was revoked"));
  const Output plain = RunProgram({ProgramPath("ronda"), "--collector", address_, "nodes"});
  EXPECT_EQ(plain.exit_code, 3);
  EXPECT_THAT(plain.err, HasSubstr("asked in plain text"));
}

TEST_F(TrustTest, CertificatesRenewThemselves) {
  StartCollector(std::string(kFast) + "tls: {valid_for: 15s}\n");
  ASSERT_EQ(Enroll("web1", Token()).exit_code, 0);
  const auto serial = [&] {
    const auto pem = ReadFile(dir_.File("web1/node.pem"));
    const auto info = tls::ReadCertificate(pem.ok() ? *pem : "");
    return info.ok() ? info->serial : "";
  };
  const std::string first = serial();
  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1"));
  EXPECT_TRUE(Eventually(20'000, [&] { return serial() != first && !serial().empty(); }));
  // The stream began with the first; it is ended with it, and the agent goes on with the next.
  EXPECT_TRUE(AgentLogs("has expired"));
  EXPECT_TRUE(IsLive("web1"));
}

TEST_F(TrustTest, ThroughAProxyWithAPassword) {
  StartCollector(std::string(kFast) + "tls: {names: [mon.test]}\n");
  ConnectProxy proxy(port());
  const std::vector<std::string> environment = {
      "/usr/bin/env", fmt::format("https_proxy=http://me:secret@127.0.0.1:{}", proxy.port())};
  const Output enrolled = Enroll("web1", Token(), "mon.test:7710", environment);
  ASSERT_EQ(enrolled.exit_code, 0) << enrolled.err;
  StartAgent("web1", "mon.test:7710", environment);
  EXPECT_TRUE(IsLive("web1"));
  ASSERT_GE(proxy.requests().size(), 2u);
  for (const std::string& request : proxy.requests()) {
    EXPECT_THAT(request, HasSubstr("CONNECT mon.test:7710 HTTP/1"));
    EXPECT_THAT(request, HasSubstr("Proxy-Authorization: Basic bWU6c2VjcmV0"));
  }
}

TEST_F(TrustTest, OverIpv6) {
  StartCollector(kFast, "[::1]:0");
  const Output enrolled = Enroll("web1", Token());
  ASSERT_EQ(enrolled.exit_code, 0) << enrolled.err;
  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1"));
}

TEST_F(TrustTest, TheSocketsAdministratorNeedsNoToken) {
  StartCollector(kFast);
  const Output enrolled =
      RunProgram({ProgramPath("ronda-agent"), "enroll", "--socket", dir_.File("s"), "--node",
                  "web1", "--tls", dir_.File("web1")});
  ASSERT_EQ(enrolled.exit_code, 0) << enrolled.err;
  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1"));
}

TEST_F(TrustTest, AnAgentWithoutACertificateSaysWhatToDo) {
  const Output run =
      RunProgram({ProgramPath("ronda-agent"), "--tls", dir_.File("nothing"), "--spool", "none"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("this node is not enrolled"));
  EXPECT_THAT(run.err, HasSubstr("ronda-agent enroll --collector 127.0.0.1:7710"));
}

TEST_F(TrustTest, ANodeIsExpectedRetiredAndTakenBack) {
  StartCollector(kFast);
  ASSERT_EQ(Ronda({"nodes", "expect", "web1"}).exit_code, 0);
  EXPECT_THAT(Ronda({"nodes", "-o", "csv"}).out, HasSubstr("web1,missing,"));
  ASSERT_EQ(Enroll("web1", Token()).exit_code, 0);
  StartAgent("web1");
  EXPECT_TRUE(IsLive("web1"));
  EXPECT_EQ(Ronda({"nodes", "retire", "nobody"}).exit_code, 1);
  const Output retired = Ronda({"nodes", "retire", "web1", "-o", "json"});
  EXPECT_EQ(retired.exit_code, 0) << retired.err;
  EXPECT_THAT(retired.out, HasSubstr("\"change\":\"retire\""));
  EXPECT_TRUE(AgentLogs("ronda nodes unretire web1"));
  EXPECT_THAT(Ronda({"nodes", "-o", "csv"}).out, testing::Not(HasSubstr("web1")));
  EXPECT_THAT(Ronda({"nodes", "--all", "-o", "csv"}).out, HasSubstr("web1,retired,"));
  EXPECT_THAT(Ronda({"nodes", "web1"}).out, HasSubstr("retired"));
  ASSERT_EQ(Ronda({"nodes", "unretire", "web1"}).exit_code, 0);
  EXPECT_TRUE(IsLive("web1"));
  ASSERT_EQ(Ronda({"nodes", "rename", "web1", "web1.example.com"}).exit_code, 0);
  EXPECT_TRUE(AgentLogs("web1 is called web1.example.com"));
  EXPECT_TRUE(IsLive("web1.example.com")) << "with the certificate of web1";
  const std::string audit = Ronda({"audit", "-o", "csv"}).out;
  EXPECT_THAT(audit, HasSubstr(",rename,node web1,"));
  for (const char* what : {",expect,node web1,", ",retire,node web1,", ",unretire,node web1,"}) {
    EXPECT_THAT(audit, HasSubstr(what));
  }
  EXPECT_EQ(Ronda({"audit", "--check"}).exit_code, 0);
}

}  // namespace
}  // namespace ronda
