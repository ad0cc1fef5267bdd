//! **Socket activation** (sd_listen_fds(3)): listening sockets that systemd or another supervisor passes.
//!
//! `LISTEN_FDS` counts them, from descriptor 3 on; `LISTEN_PID` says for which process they are meant, so that
//! children ignore what they merely inherit; `LISTEN_FDNAMES` names them. They are read once per process, and
//! each socket is given out once. That stands for unsetting the variables, which no program with threads can
//! do soundly (`std::env::remove_var` is unsafe for that reason): this process finds nothing a second time,
//! and in a child `LISTEN_PID` is another's. The descriptors themselves stay open at their numbers and are
//! inherited; a program that executes itself anew, as the same process, is given them again.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::listen_as;
use crate::transport::error::Explanation;
use crate::transport::unix::Reception;
use crate::transport::{Connected, Endpoint, Listener};

/// The listening sockets that a supervisor has passed to this process and that were not taken before, each with its name
/// in `LISTEN_FDNAMES` if that is set; none if no supervisor has.
///
/// One of them alone is the endpoint `activated:NAME`.
///
/// # Errors
/// `InvalidData` if the variables contradict each other; where a descriptor is no stream socket, what `fd:N` would say.
pub fn activated_listeners() -> io::Result<Vec<NamedListener>> {
    with_passed(&endpoint(None), |passed| {
        let mut listeners = Vec::new();
        for one in passed.iter_mut().filter(|one| !one.is_taken) {
            listeners.push((one.name.clone(), one.listen(Reception::default())?));
        }
        passed.iter_mut().for_each(|one| one.is_taken = true);
        Ok(listeners)
    })
}

/// A supervisor's socket and its name, if the supervisor named it.
pub type NamedListener = (Option<String>, Box<dyn Listener>);

/// Listens on the socket of this name, or on the only one.
pub(in crate::transport) async fn listen_activated(name: Option<&str>) -> io::Result<Box<dyn Listener>> {
    listen_activated_as(name, Reception::default())
}

/// The same for whom this reception admits.
pub(in crate::transport) fn listen_activated_as(
    name: Option<&str>,
    reception: Reception,
) -> io::Result<Box<dyn Listener>> {
    let endpoint = endpoint(name);
    with_passed(&endpoint, |passed| {
        let one = the_one(passed, name).map_err(|fault| fault.into_error(&endpoint))?;
        let listener = one.listen(reception)?;
        one.is_taken = true;
        Ok(listener)
    })
}

/// Refuses: what is passed waits for clients.
pub(in crate::transport) fn connect_activated(name: Option<&str>) -> io::Result<Connected> {
    let explanation =
        Explanation::new("a supervisor's sockets are to listen on", "connect to where it listens");
    Err(explanation.of_connect(endpoint(name).to_string(), io::ErrorKind::InvalidInput.into()))
}

/// One socket of the supervisor's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passed {
    fd: i32,
    name: Option<String>,
    is_taken: bool,
}

impl Passed {
    fn listen(&self, reception: Reception) -> io::Result<Box<dyn Listener>> {
        listen_as(&Endpoint::Fd(self.fd), self.fd, reception)
    }
}

/// The sockets of this process, read when first asked for.
static PASSED: Mutex<Option<Vec<Passed>>> = Mutex::new(None);

fn with_passed<T>(
    endpoint: &Endpoint,
    take: impl FnOnce(&mut Vec<Passed>) -> io::Result<T>,
) -> io::Result<T> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.is_none() {
        let read = Variables::of_this_process().sockets(std::process::id());
        *passed = Some(read.map_err(|fault| fault.into_error(endpoint))?);
    }
    take(passed.get_or_insert_default())
}

fn the_one<'a>(passed: &'a mut [Passed], name: Option<&str>) -> Result<&'a mut Passed, Fault> {
    if passed.is_empty() {
        return Err(Fault::Nothing);
    }
    let names = names_of(passed);
    let mut fitting = passed.iter_mut().filter(|one| name.is_none() || one.name.as_deref() == name);
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(Fault::NoSuchName { names }),
        (Some(_), Some(_)) => Err(Fault::Several { names }),
        (Some(one), None) if one.is_taken => Err(Fault::Taken),
        (Some(one), None) => Ok(one),
    }
}

fn names_of(passed: &[Passed]) -> String {
    let name = |one: &Passed| one.name.clone().unwrap_or_else(|| format!("unnamed (fd:{})", one.fd));
    passed.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What the environment says.
#[derive(Debug, Default)]
struct Variables {
    fds: Option<String>,
    pid: Option<String>,
    names: Option<String>,
}

impl Variables {
    fn of_this_process() -> Variables {
        let variable = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Variables {
            fds: variable("LISTEN_FDS"),
            pid: variable("LISTEN_PID"),
            names: variable("LISTEN_FDNAMES"),
        }
    }

    /// The sockets meant for the process `pid`.
    fn sockets(&self, pid: u32) -> Result<Vec<Passed>, Fault> {
        let (Some(fds), Some(meant)) = (&self.fds, &self.pid) else { return Ok(Vec::new()) };
        let unreadable = |variable, value: &str| Fault::Unreadable { variable, value: value.to_owned() };
        if meant.parse::<u32>().map_err(|_| unreadable("LISTEN_PID", meant))? != pid {
            return Ok(Vec::new());
        }
        let count = fds.parse().ok().filter(|count| (0..=MAX_SOCKETS).contains(count));
        let count = count.ok_or_else(|| unreadable("LISTEN_FDS", fds))?;
        let names: Vec<Option<String>> = match &self.names {
            None => (0..count).map(|_| None).collect(),
            Some(names) if names.is_empty() && count == 0 => Vec::new(),
            Some(names) => names.split(':').map(|name| Some(name.to_owned())).collect(),
        };
        if usize::try_from(count) != Ok(names.len()) {
            return Err(Fault::Count { sockets: count, names: names.len() });
        }
        let numbers = FIRST..FIRST + count;
        Ok(numbers.zip(names).map(|(fd, name)| Passed { fd, name, is_taken: false }).collect())
    }
}

/// Why an activated endpoint is none.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    NoSuchName { names: String },
    Several { names: String },
    Taken,
    Unreadable { variable: &'static str, value: String },
    Count { sockets: i32, names: usize },
}

impl Fault {
    fn into_error(self, endpoint: &Endpoint) -> io::Error {
        let (kind, explanation) = match self {
            Fault::Nothing => (
                io::ErrorKind::NotFound,
                Explanation::new(
                    "no supervisor has passed a socket to this process (LISTEN_FDS, LISTEN_PID)",
                    "start it by its socket unit, or listen on unix:PATH",
                ),
            ),
            Fault::NoSuchName { names } => (
                io::ErrorKind::NotFound,
                Explanation::new(
                    format!("no passed socket has this name, they are: {names}"),
                    "correct the name, or FileDescriptorName= of the socket unit",
                ),
            ),
            Fault::Several { names } => (
                io::ErrorKind::InvalidInput,
                Explanation::new(
                    format!("several sockets fit: {names}"),
                    "name one, or give each its own name",
                ),
            ),
            Fault::Taken => (
                io::ErrorKind::AddrInUse,
                Explanation::new("this process has taken it before", "listen on it once"),
            ),
            Fault::Unreadable { variable, value } => (
                io::ErrorKind::InvalidData,
                Explanation::new(format!("{variable} is {value:?}"), "have the supervisor set a number"),
            ),
            Fault::Count { sockets, names } => (
                io::ErrorKind::InvalidData,
                Explanation::new(
                    format!("LISTEN_FDS counts {sockets} sockets and LISTEN_FDNAMES {names} names"),
                    "have the supervisor name each socket, or none",
                ),
            ),
        };
        explanation.of_listen(endpoint.to_string(), kind.into())
    }
}

fn endpoint(name: Option<&str>) -> Endpoint {
    Endpoint::Activated(name.map(str::to_owned))
}

/// SD_LISTEN_FDS_START.
const FIRST: i32 = 3;

/// More than any supervisor passes; what exceeds it is no count.
const MAX_SOCKETS: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(fds: &str, pid: &str, names: &str) -> Result<Vec<Passed>, Fault> {
        let given = |text: &str| Some(text).filter(|text| *text != "-").map(str::to_owned);
        Variables { fds: given(fds), pid: given(pid), names: given(names) }.sockets(7)
    }

    #[test]
    fn only_what_is_meant_for_this_process_is_taken() {
        for (fds, pid) in [("-", "-"), ("1", "-"), ("-", "7"), ("1", "8"), ("0", "7"), ("x", "8")] {
            assert_eq!(sockets(fds, pid, ""), Ok(Vec::new()), "{fds} {pid}");
        }
        let socket = |fd, name: Option<&str>| Passed { fd, name: name.map(str::to_owned), is_taken: false };
        assert_eq!(sockets("2", "7", "-"), Ok(vec![socket(3, None), socket(4, None)]));
        assert_eq!(sockets("2", "7", "a:"), Ok(vec![socket(3, Some("a")), socket(4, Some(""))]));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (fds, pid) in [("x", "7"), ("-1", "7"), ("", "7"), ("1", "x"), ("1", ""), ("99999999999", "7")] {
            assert!(matches!(sockets(fds, pid, "-"), Err(Fault::Unreadable { .. })), "{fds} {pid}");
        }
        assert_eq!(sockets("2", "7", "a"), Err(Fault::Count { sockets: 2, names: 1 }));
        assert_eq!(sockets("1", "7", "a:b"), Err(Fault::Count { sockets: 1, names: 2 }));
    }

    #[test]
    fn a_name_finds_its_socket_once() {
        let mut passed = sockets("3", "7", "a:b:b").unwrap();
        assert_eq!(the_one(&mut passed, Some("a")).unwrap().fd, 3);
        the_one(&mut passed, Some("a")).unwrap().is_taken = true;
        assert_eq!(the_one(&mut passed, Some("a")), Err(Fault::Taken));
        let names = || "a, b, b".to_owned();
        assert_eq!(the_one(&mut passed, Some("c")), Err(Fault::NoSuchName { names: names() }));
        assert_eq!(the_one(&mut passed, Some("b")), Err(Fault::Several { names: names() }));
        assert_eq!(the_one(&mut passed, None), Err(Fault::Several { names: names() }));
        assert_eq!(the_one(&mut [], None), Err(Fault::Nothing));
    }
}
