//! **LISTEN_FDS**, **LISTEN_PID**, **LISTEN_FDNAMES**: what the environment says of a supervisor's sockets.
//!
//! `LISTEN_FDS` counts them, from descriptor 3 on (SD_LISTEN_FDS_START); `LISTEN_PID` says for which process they are
//! meant, so that children ignore what they merely inherit; `LISTEN_FDNAMES` names them, colons between. What is not meant
//! for this process is nothing; what contradicts itself is an error and stays as it is.

use std::io;

use crate::transport::error::Explanation;

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Variables {
    fds: Option<String>,
    pid: Option<String>,
    names: Option<String>,
    first: Option<String>,
}

/// One descriptor that the variables count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) fd: i32,
    pub(super) name: Option<String>,
}

impl Variables {
    pub(super) fn of_this_process() -> Variables {
        let variable = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Variables {
            fds: variable("LISTEN_FDS"),
            pid: variable("LISTEN_PID"),
            names: variable("LISTEN_FDNAMES"),
            first: variable("LISTEN_FDS_FIRST_FD"),
        }
    }

    /// The descriptors meant for the process `pid`; `None` if none are, `Some` of none if none are passed to it.
    pub(super) fn counted(&self, pid: u32) -> Result<Option<Vec<Counted>>, Contradiction> {
        let (Some(fds), Some(meant)) = (&self.fds, &self.pid) else { return Ok(None) };
        let unreadable =
            |variable, value: &str| Contradiction::Unreadable { variable, value: value.to_owned() };
        if meant.parse::<u32>().map_err(|_| unreadable("LISTEN_PID", meant))? != pid {
            return Ok(None);
        }
        let count = fds.parse::<u16>().ok().filter(|&count| count <= MAX_SOCKETS);
        let count = count.ok_or_else(|| unreadable("LISTEN_FDS", fds))?;
        if let Some(first) = self.first.as_ref().filter(|first| first.parse() != Ok(FIRST)) {
            return Err(Contradiction::First { value: first.clone() });
        }
        let names: Vec<Option<String>> = match &self.names {
            None => (0..count).map(|_| None).collect(),
            Some(names) if names.is_empty() && count == 0 => Vec::new(),
            Some(names) => names.split(':').map(|name| Some(name.to_owned())).collect(),
        };
        if names.len() != usize::from(count) {
            return Err(Contradiction::Count { sockets: count, names: names.len() });
        }
        Ok(Some((FIRST..).zip(names).map(|(fd, name)| Counted { fd, name }).collect()))
    }
}

/// Why nobody can tell which sockets are passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    Unreadable {
        variable: &'static str,
        value: String,
    },
    Count {
        sockets: u16,
        names: usize,
    },
    /// The crate that takes the descriptors knows this variable; systemd does not.
    First {
        value: String,
    },
}

impl Contradiction {
    pub(super) fn into_error(self, endpoint: String) -> io::Error {
        let explanation = match self {
            Contradiction::Unreadable { variable, value } => {
                Explanation::new(format!("{variable} is {value:?}"), "have the supervisor set a number")
            }
            Contradiction::Count { sockets, names } => Explanation::new(
                format!("LISTEN_FDS counts {sockets} sockets and LISTEN_FDNAMES {names} names"),
                "have the supervisor name each socket, or none",
            ),
            Contradiction::First { value } => Explanation::new(
                format!("LISTEN_FDS_FIRST_FD is {value:?}, and passed sockets begin at descriptor {FIRST}"),
                "have the supervisor leave it out",
            ),
        };
        explanation.of_listen(endpoint, io::ErrorKind::InvalidData.into())
    }
}

/// SD_LISTEN_FDS_START.
const FIRST: i32 = 3;

/// More than any supervisor passes; what exceeds it is no count.
const MAX_SOCKETS: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(fds: &str, pid: &str, names: &str) -> Result<Option<Vec<Counted>>, Contradiction> {
        let given = |text: &str| Some(text).filter(|text| *text != "-").map(str::to_owned);
        Variables { fds: given(fds), pid: given(pid), names: given(names), first: None }.counted(7)
    }

    #[test]
    fn only_what_is_meant_for_this_process_is_taken() {
        for (fds, pid) in [("-", "-"), ("1", "-"), ("-", "7"), ("1", "8"), ("x", "8")] {
            assert_eq!(counted(fds, pid, ""), Ok(None), "{fds} {pid}");
        }
        let one = |fd, name: Option<&str>| Counted { fd, name: name.map(str::to_owned) };
        assert_eq!(counted("0", "7", ""), Ok(Some(vec![])));
        assert_eq!(counted("2", "7", "-"), Ok(Some(vec![one(3, None), one(4, None)])));
        assert_eq!(counted("2", "7", "a:"), Ok(Some(vec![one(3, Some("a")), one(4, Some(""))])));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let unreadable = [
            ("x", "7"),
            ("-1", "7"),
            ("-0", "7"),
            ("", "7"),
            ("4097", "7"),
            ("99999999999", "7"),
            ("1", "x"),
            ("1", ""),
        ];
        for (fds, pid) in unreadable {
            assert!(matches!(counted(fds, pid, "-"), Err(Contradiction::Unreadable { .. })), "{fds} {pid}");
        }
        assert_eq!(counted("2", "7", "a"), Err(Contradiction::Count { sockets: 2, names: 1 }));
        assert_eq!(counted("1", "7", "a:b"), Err(Contradiction::Count { sockets: 1, names: 2 }));
    }

    #[test]
    fn sockets_that_begin_elsewhere_are_refused() {
        let first = |first: &str| {
            let given = |text: &str| Some(text.to_owned());
            Variables { fds: given("1"), pid: given("7"), names: None, first: given(first) }.counted(7)
        };
        assert!(first("3").is_ok());
        for value in ["0", "4", "x", ""] {
            assert_eq!(first(value), Err(Contradiction::First { value: value.to_owned() }));
        }
    }
}
