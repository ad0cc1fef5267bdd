//! The flags of `interop-client`: our `--target`, and all that the official runners pass.

use std::ffi::OsString;

use clap::{ArgAction, Parser};
use wirepath::{Channel, Endpoint};

use crate::{
    cases::{Soak, TestCase},
    official_flags::{self, boolean},
};

/// The client of gRPC's interop tests.
#[derive(Debug, Parser)]
#[command(name = "interop-client", rename_all = "snake_case", next_line_help = true)]
struct Flags {
    /// What to run.
    #[arg(long)]
    test_case: TestCase,
    /// The server: unix:PATH, unix-abstract:NAME or tcp:HOST:PORT.
    #[arg(long, value_name = "ENDPOINT", conflicts_with_all = ["server_host", "server_port"])]
    target: Option<Endpoint>,
    /// The server's host; with port 0 the whole endpoint.
    #[arg(long, default_value = "localhost")]
    server_host: String,
    /// The server's TCP port.
    #[arg(long, default_value_t = 0)]
    server_port: u16,
    /// What to send as :authority.
    #[arg(long)]
    server_host_override: Option<String>,
    #[command(flatten)]
    soak: Soak,
    /// Must be false.
    #[arg(long, action = ArgAction::Set, value_parser = boolean(), num_args = 0..=1, default_value = "false",
          default_missing_value = "true")]
    use_tls: bool,
    /// Without TLS there is no CA.
    #[arg(long, action = ArgAction::Set, value_parser = boolean(), num_args = 0..=1, default_value = "false",
          default_missing_value = "true")]
    use_test_ca: bool,
    /// For cases with credentials, none of which is here.
    #[arg(long)]
    default_service_account: Option<String>,
    /// For cases with credentials.
    #[arg(long)]
    oauth_scope: Option<String>,
    /// For cases with credentials.
    #[arg(long)]
    service_account_key_file: Option<String>,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) test_case: TestCase,
    pub(crate) soak: Soak,
    endpoint: Endpoint,
    authority: Option<String>,
}

impl Asked {
    /// Reads the command line.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let flags: Flags = official_flags::parse(args)?;
        official_flags::refuse_tls(flags.use_tls)?;
        flags.soak.check()?;
        let endpoint = flags.endpoint()?;
        if let Some(authority) = &flags.server_host_override {
            let checked = Channel::builder(endpoint.clone()).authority(authority);
            checked.map_err(|error| format!("--server_host_override {authority:?}: {error}"))?;
        }
        let Flags { test_case, soak, server_host_override: authority, .. } = flags;
        Ok(Self { test_case, soak, endpoint, authority })
    }

    /// Makes a channel to the server at each call.
    pub(crate) fn connect(&self) -> impl Fn() -> Channel + Clone + Send + Sync + 'static {
        let (endpoint, authority) = (self.endpoint.clone(), self.authority.clone());
        move || {
            let builder = || Channel::builder(endpoint.clone());
            // The authority was checked with the flags.
            let named = authority.as_ref().and_then(|authority| builder().authority(authority).ok());
            named.unwrap_or_else(builder).build()
        }
    }
}

impl Flags {
    fn endpoint(&self) -> Result<Endpoint, String> {
        let host = &self.server_host;
        match (&self.target, self.server_port) {
            (Some(endpoint), _) => Ok(endpoint.clone()),
            // grpc-go's client takes a Unix socket this way.
            (None, 0) => host.parse().map_err(|error| format!("--server_host with port 0: {error}")),
            (None, port) if host.contains(':') && !host.starts_with('[') => {
                Ok(Endpoint::Tcp(format!("[{host}]:{port}")))
            }
            (None, port) => Ok(Endpoint::Tcp(format!("{host}:{port}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Asked, String> {
        let args = ["interop-client"].into_iter().chain(args.split_whitespace());
        Asked::parse(args.map(OsString::from))
    }

    #[test]
    fn takes_the_flags_of_every_official_runner() {
        let table = [
            ("--test_case empty_unary --target unix:/a", "unix:/a"),
            ("--test_case=large_unary --target=unix-abstract:a", "unix-abstract:a"),
            ("-server_host=unix:///a -server_port=0 -test_case=rpc_soak -use_tls=false", "unix:/a"),
            ("--server_host=localhost --server_port=8080 --test_case=ping_pong", "tcp:localhost:8080"),
            ("--server_host=::1 --server_port=8080 --test_case=ping_pong", "tcp:[::1]:8080"),
            (
                "--server_host=a --server_port=1 --test_case=ping_pong --use_test_ca=true --use_tls=false \
                 --server_host_override=foo.test.google.fr --default_service_account=a@b --oauth_scope=c",
                "tcp:a:1",
            ),
        ];
        for (args, endpoint) in table {
            let asked = parse(args).unwrap();
            assert_eq!(asked.connect()().endpoint(), endpoint, "{args}");
            assert!(args.contains(&asked.test_case.to_string()), "{args}: {}", asked.test_case);
        }
    }

    #[test]
    fn takes_every_flag_of_the_soak_cases() {
        let asked = parse(
            "--target unix:/a --test_case channel_soak --soak_iterations=20 --soak_max_failures=1 \
             --soak_per_iteration_max_acceptable_latency_ms=2 --soak_overall_timeout_seconds=3 \
             --soak_min_time_ms_between_rpcs=4 --soak_request_size=5 --soak_response_size=6 --soak_num_threads=10",
        );
        let soak = Soak {
            soak_iterations: 20,
            soak_max_failures: 1,
            soak_per_iteration_max_acceptable_latency_ms: 2,
            soak_overall_timeout_seconds: 3,
            soak_min_time_ms_between_rpcs: 4,
            soak_request_size: 5,
            soak_response_size: 6,
            soak_num_threads: 10,
        };
        assert_eq!(asked.unwrap().soak, soak);
    }

    #[test]
    fn an_unknown_case_is_answered_with_the_names_of_all() {
        let line = parse("--target unix:/a --test_case empty").unwrap_err();
        for name in ["empty_unary", "special_status_message", "timeout_on_sleeping_server", "channel_soak"] {
            assert!(line.contains(name), "{line}");
        }
        assert_eq!(line.lines().count(), 1, "{line}");
    }

    #[test]
    fn refuses_in_one_line_that_names_the_input() {
        let table = [
            ("--target unix:/a", "--test_case"),
            ("--test_case=empty_unary", "\"localhost\""),
            ("--test_case=empty_unary --target /a", "\"/a\""),
            ("--test_case=empty_unary --target unix:/a --use_tls=true", "--use_tls=true"),
            ("--test_case=empty_unary --target unix:/a --server_host=b", "--server_host"),
            ("--test_case=empty_unary --target unix:/a --server_host_override=a/b", "\"a/b\""),
            ("--test_case=rpc_soak --target unix:/a --soak_num_threads=0", "--soak_num_threads"),
            (
                "--test_case=rpc_soak --target unix:/a --soak_iterations=10 --soak_num_threads=3",
                "--soak_iterations",
            ),
        ];
        for (args, named) in table {
            let line = parse(args).unwrap_err();
            assert!(line.contains(named) && line.lines().count() == 1, "{args}: {line}");
        }
    }
}
