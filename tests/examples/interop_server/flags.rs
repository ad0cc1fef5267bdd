//! The flags of `interop-server`.

use std::ffi::OsString;

use clap::{ArgAction, Parser};
use wirepath::Endpoint;

use crate::official_flags::{self, boolean};

/// The server of gRPC's interop tests.
#[derive(Debug, Parser)]
#[command(name = "interop-server", rename_all = "snake_case")]
struct Flags {
    /// Where to listen: unix:PATH, unix-abstract:NAME or tcp:HOST:PORT; repeatable.
    #[arg(long, value_name = "ENDPOINT")]
    listen: Vec<Endpoint>,
    /// Listens on this TCP port of the loopback interface.
    #[arg(long)]
    port: Option<u16>,
    /// Must be false.
    #[arg(long, action = ArgAction::Set, value_parser = boolean(), num_args = 0..=1, default_value = "false",
          default_missing_value = "true")]
    use_tls: bool,
}

/// The endpoints that the command line asks for.
///
/// # Errors
/// One line that says what is wrong with it.
pub(crate) fn endpoints(args: impl IntoIterator<Item = OsString>) -> Result<Vec<Endpoint>, String> {
    let mut flags: Flags = official_flags::parse(args)?;
    official_flags::refuse_tls(flags.use_tls)?;
    flags.listen.extend(flags.port.map(|port| Endpoint::Tcp(format!("127.0.0.1:{port}"))));
    if flags.listen.is_empty() {
        return Err("nowhere to listen; say --listen ENDPOINT or --port PORT".to_owned());
    }
    Ok(flags.listen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Vec<String>, String> {
        let args = ["interop-server"].iter().chain(args).map(OsString::from);
        endpoints(args).map(|endpoints| endpoints.iter().map(Endpoint::to_string).collect())
    }

    #[test]
    fn takes_the_flags_of_every_official_runner() {
        let table: [(&[&str], &[&str]); 5] = [
            (&["--port=8080", "--use_tls=false"], &["tcp:127.0.0.1:8080"]),
            (&["--port", "8080", "--use_tls", "False"], &["tcp:127.0.0.1:8080"]),
            (&["-port=8080", "-use_tls=false"], &["tcp:127.0.0.1:8080"]),
            (&["--listen", "unix:/a", "--listen=unix-abstract:b"], &["unix:/a", "unix-abstract:b"]),
            (&["-listen", "unix:/a", "--port=1"], &["unix:/a", "tcp:127.0.0.1:1"]),
        ];
        for (args, endpoints) in table {
            assert_eq!(parse(args).unwrap(), endpoints, "{args:?}");
        }
    }

    #[test]
    fn refuses_in_one_line_that_names_the_input() {
        let table: [(&[&str], &str); 7] = [
            (&[], "--listen ENDPOINT"),
            (&["--use_tls=true", "--port=1"], "--use_tls=true"),
            (&["--port=1", "-use_tls"], "--use_tls=true"),
            (&["--port=65536"], "65536"),
            (&["--listen=/a"], "\"/a\""),
            (&["--lisen=unix:/a"], "--lisen"),
            (&["unix:/a"], "unix:/a"),
        ];
        for (args, named) in table {
            let error = parse(args).unwrap_err();
            assert!(error.contains(named) && error.lines().count() == 1, "{args:?}: {error}");
        }
    }
}
