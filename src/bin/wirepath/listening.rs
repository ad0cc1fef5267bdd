//! The flags of a Unix socket: who may connect, whose it is, how it comes to its path.

use std::io;

use wirepath::Endpoint;
use wirepath::transport::{Admission, Listener, UnixListenOptions};

use crate::failure::Failure;

/// How the Unix sockets among the endpoints are opened.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Unix sockets")]
pub(crate) struct Listening {
    /// Octal mode of the socket's file; to connect takes the right to write [default: 0600]
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    mode: Option<u32>,

    /// Give the socket's file to this group, by its number
    #[arg(long, value_name = "GID", value_parser = parse_id)]
    group: Option<u32>,

    /// Accept only these users, by their numbers; needed where the mode lets others in
    #[arg(long, value_name = "UID", num_args = 1.., value_delimiter = ',', value_parser = parse_id)]
    allow_uid: Vec<u32>,

    /// Take the path over from a live server, which keeps its connections until it is ended
    #[arg(long)]
    take_over: bool,

    /// Listen also in a directory in which other users may replace the socket
    #[arg(long)]
    accept_any_directory: bool,
}

impl Listening {
    /// Refuses flags that none of the endpoints can follow.
    pub(crate) fn check(&self, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let has = |fits: fn(&Endpoint) -> bool| endpoints.iter().any(fits);
        let of_paths = [
            ("--mode", self.mode.is_some()),
            ("--group", self.group.is_some()),
            ("--take-over", self.take_over),
            ("--accept-any-directory", self.accept_any_directory),
        ];
        if let Some((flag, _)) = of_paths.iter().find(|(_, given)| *given)
            && !has(|endpoint| matches!(endpoint, Endpoint::Unix(_)))
        {
            return Err(Failure::usage(flag, "no endpoint is a path", "listen on unix:PATH"));
        }
        if !self.allow_uid.is_empty() && !has(|endpoint| !matches!(endpoint, Endpoint::Tcp(_))) {
            return Err(Failure::usage("--allow-uid", "no endpoint is a Unix socket", "listen on unix:PATH"));
        }
        match self.mode {
            Some(mode) if mode & OTHERS_CONNECT != 0 && self.allow_uid.is_empty() => Err(Failure::usage(
                format!("--mode {mode:04o}"),
                "lets others than the owner connect",
                "say which by --allow-uid UID",
            )),
            _ => Ok(()),
        }
    }

    /// Listens on one endpoint, with the flags that concern its kind.
    pub(crate) async fn listen(&self, endpoint: &Endpoint) -> io::Result<Box<dyn Listener>> {
        let options = match (endpoint, self.admission()) {
            (Endpoint::Unix(_), admission) => self.of_path(admission),
            // No mode guards a name.
            (Endpoint::UnixAbstract(_), admission) => {
                UnixListenOptions::new().admit(admission.unwrap_or_else(Admission::own_user))
            }
            (Endpoint::Tcp(_), _) | (_, None) => return endpoint.listen().await,
            (_, Some(admission)) => UnixListenOptions::new().admit(admission),
        };
        options.listen(endpoint).await
    }

    fn of_path(&self, admission: Option<Admission>) -> UnixListenOptions {
        let mut options = UnixListenOptions::new();
        if let Some(mode) = self.mode {
            options = options.mode(mode);
        }
        if let Some(gid) = self.group {
            options = options.group(gid);
        }
        if let Some(admission) = admission {
            options = options.admit(admission);
        }
        if self.take_over {
            options = options.take_over();
        }
        if self.accept_any_directory {
            options = options.accept_any_directory();
        }
        options
    }

    fn admission(&self) -> Option<Admission> {
        (!self.allow_uid.is_empty()).then(|| Admission::uids(self.allow_uid.iter().copied()))
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let is_octal = !text.is_empty() && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if is_octal && mode <= 0o777 => Ok(mode),
        _ => Err(format!("mode {text:?}: no octal number up to 0777: write it as for chmod, say 0660")),
    }
}

fn parse_id(text: &str) -> Result<u32, String> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    // The largest stands for "unchanged" in chown.
    match text.parse() {
        Ok(id) if is_number && id != u32::MAX => Ok(id),
        _ => Err(format!("id {text:?}: no number of a user or group: see `id` and `getent group`")),
    }
}

/// The bits by which group and others connect.
const OTHERS_CONNECT: u32 = 0o022;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_and_an_id_a_number() {
        assert_eq!(
            (parse_mode("0660"), parse_mode("600"), parse_mode("777")),
            (Ok(0o660), Ok(0o600), Ok(0o777))
        );
        for wrong in ["", "8", "1777", "+600", "0o600", "rw", "77777777777777"] {
            assert!(parse_mode(wrong).unwrap_err().contains(&format!("{wrong:?}")), "{wrong}");
        }
        assert_eq!((parse_id("0"), parse_id("65534")), (Ok(0), Ok(65534)));
        for wrong in ["", "-1", "+1", "root", "4294967295", "4294967296"] {
            assert!(parse_id(wrong).unwrap_err().contains(&format!("{wrong:?}")), "{wrong}");
        }
    }
}
