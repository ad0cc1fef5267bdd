//! **Socket activation** (sd_listen_fds(3)): listening sockets that systemd or another supervisor passes.
//!
//! When first asked for, and only where `LISTEN_PID` is this process, all of them are taken into possession: the
//! variables `LISTEN_FDS` and `LISTEN_PID` are removed, each socket is made close-on-exec and owned, so that no
//! child sees the one or the other, a program that executes itself anew finds nothing, and what was given out is closed
//! by its drop. `LISTEN_FDNAMES` stays: alone it means nothing.
//!
//! What has close-on-exec set already did not come across an exec: it is this program's own, or other code has taken
//! it, and stays untouched. So does what is no stream socket (a datagram socket, a fifo): `fd:N` tells what it is.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;

use super::variables::{Counted, Variables};
use super::{Number, Refusal, duplicate, judge, listen_as, listen_on};
use crate::transport::error::Explanation;
use crate::transport::unix::Reception;
use crate::transport::{Connected, Endpoint, Listener};

/// The listening sockets that a supervisor has passed to this process and that were not taken before, each with its name
/// in `LISTEN_FDNAMES` if that is set; none if no supervisor has.
///
/// One of them alone is the endpoint `activated:NAME`.
///
/// The first call, or the first listen on such an endpoint, takes all stream sockets into possession and removes
/// `LISTEN_FDS` and `LISTEN_PID` from the environment. Make it before other threads run C code that reads the environment
/// (`getenv`, `getaddrinfo`, `localtime`), which Rust's lock on it does not stop. Rust code may read it at any time. A
/// program that itself passes sockets to a child sets `LISTEN_FDNAMES` for it or removes it.
///
/// # Errors
/// `InvalidData` if the variables contradict each other, which then stay as they are; where a descriptor is no stream
/// socket, what `fd:N` would say. None is given out then.
///
/// # Panics
/// Outside of a tokio runtime, if anything is passed.
pub fn activated_listeners() -> io::Result<Vec<NamedListener>> {
    with_passed(&endpoint(None), |passed| {
        let reception = Reception::default();
        for one in passed.iter().filter(|one| !one.is_given()) {
            one.check(&reception)?;
        }
        let untaken = passed.iter_mut().filter(|one| !one.is_given());
        untaken.map(|one| Ok((one.counted.name.clone(), one.listen(reception.clone())?))).collect()
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
        one.check(&reception)?;
        one.listen(reception)
    })
}

/// Refuses: what is passed waits for clients.
pub(in crate::transport) fn connect_activated(name: Option<&str>) -> io::Result<Connected> {
    let explanation =
        Explanation::new("a supervisor's sockets are to listen on", "connect to where it listens");
    Err(explanation.of_connect(endpoint(name).to_string(), io::ErrorKind::InvalidInput.into()))
}

/// One socket of the supervisor's.
#[derive(Debug)]
struct Passed {
    counted: Counted,
    held: Held,
}

/// In whose hands a passed socket is.
#[derive(Debug)]
enum Held {
    /// Here, until it is asked for.
    Ours(OwnedFd),
    /// A listener has it, or had it.
    Given,
    /// It did not come across an exec.
    NotPassed,
    /// It is no stream socket, and stays at its number.
    Left,
}

impl Passed {
    fn is_given(&self) -> bool {
        matches!(self.held, Held::Given)
    }

    /// Whether a listener can be made of it.
    fn check(&self, reception: &Reception) -> io::Result<()> {
        let refusal = match &self.held {
            Held::Ours(socket) => judge(socket, reception).err(),
            Held::NotPassed => Some(Refusal::new(
                "it is close-on-exec, so no supervisor passed it: it is this program's own, or taken by other code",
                "correct LISTEN_FDS, or take passed sockets in one place",
            )),
            Held::Left => duplicate(self.counted.fd).and_then(|socket| judge(&socket, reception)).err(),
            Held::Given => None,
        };
        refusal.map_or(Ok(()), |refusal| Err(refusal.of_listen(&self.endpoint())))
    }

    /// Gives it out; what was not to be taken is asked what it is.
    fn listen(&mut self, reception: Reception) -> io::Result<Box<dyn Listener>> {
        let endpoint = self.endpoint();
        match std::mem::replace(&mut self.held, Held::Given) {
            Held::Ours(socket) => listen_on(&endpoint, socket, Number::Ours, reception),
            kept => {
                self.held = kept;
                listen_as(&endpoint, self.counted.fd, reception)
            }
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::Fd(self.counted.fd)
    }
}

/// The sockets of this process, taken when first asked for.
static PASSED: Mutex<Option<Vec<Passed>>> = Mutex::new(None);

fn with_passed<T>(
    endpoint: &Endpoint,
    give: impl FnOnce(&mut Vec<Passed>) -> io::Result<T>,
) -> io::Result<T> {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.is_none() {
        let counted = Variables::of_this_process().counted(std::process::id());
        let counted = counted.map_err(|contradiction| contradiction.into_error(endpoint.to_string()))?;
        *passed = Some(counted.map_or_else(Vec::new, take_all));
    }
    give(passed.get_or_insert_default())
}

/// Removes the variables and takes the descriptors that they count; `counted` says that they are meant for this process,
/// and where they begin.
fn take_all(counted: Vec<Counted>) -> Vec<Passed> {
    let mut taker = ListenFd::from_env();
    let taken = counted.into_iter().enumerate().map(|(index, counted)| {
        let held = if came_across_exec(counted.fd) { take(&mut taker, index) } else { Held::NotPassed };
        Passed { counted, held }
    });
    taken.collect()
}

/// Takes a stream socket, close-on-exec from here on; anything else is left where it is.
fn take(taker: &mut ListenFd, index: usize) -> Held {
    // AF_INET stands for both versions of IP there.
    let taken = [libc::AF_UNIX, libc::AF_INET].into_iter().find_map(|family| {
        taker.take_custom::<OwnedFd>(index, family, libc::SOCK_STREAM, "stream socket").ok().flatten()
    });
    taken.map_or(Held::Left, Held::Ours)
}

/// Whether descriptor `fd` has no close-on-exec: whatever Rust opens has, so what has none is nobody's yet. A number alone
/// can be asked only through /proc; where that is missing the supervisor is believed.
fn came_across_exec(fd: i32) -> bool {
    let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else { return true };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|octal| i32::from_str_radix(octal.trim(), 8).ok());
    flags.is_none_or(|flags| flags & libc::O_CLOEXEC == 0)
}

fn the_one<'a>(passed: &'a mut [Passed], name: Option<&str>) -> Result<&'a mut Passed, Fault> {
    if passed.is_empty() {
        return Err(Fault::Nothing);
    }
    let names = names_of(passed);
    let mut fitting = passed.iter_mut().filter(|one| name.is_none() || one.counted.name.as_deref() == name);
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(Fault::NoSuchName { names }),
        (Some(_), Some(_)) => Err(Fault::Several { names }),
        (Some(one), None) if one.is_given() => Err(Fault::Taken),
        (Some(one), None) => Ok(one),
    }
}

fn names_of(passed: &[Passed]) -> String {
    let name = |Passed { counted: Counted { fd, name }, .. }: &Passed| {
        name.clone().unwrap_or_else(|| format!("unnamed (fd:{fd})"))
    };
    passed.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Why an activated endpoint is none.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    NoSuchName { names: String },
    Several { names: String },
    Taken,
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
        };
        explanation.of_listen(endpoint.to_string(), kind.into())
    }
}

fn endpoint(name: Option<&str>) -> Endpoint {
    Endpoint::Activated(name.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn passed(names: &[&str]) -> Vec<Passed> {
        let one = |(fd, name): (i32, &&str)| {
            let counted = Counted { fd, name: Some((*name).to_owned()) };
            Passed { counted, held: Held::Left }
        };
        (3..).zip(names).map(one).collect()
    }

    #[test]
    fn a_name_finds_its_socket_once() {
        let mut passed = passed(&["a", "b", "b"]);
        let found = |passed: &mut [Passed], name| the_one(passed, name).map(|one| one.counted.fd);
        assert_eq!(found(&mut passed, Some("a")), Ok(3));
        the_one(&mut passed, Some("a")).unwrap().held = Held::Given;
        assert_eq!(found(&mut passed, Some("a")), Err(Fault::Taken));
        let names = || "a, b, b".to_owned();
        assert_eq!(found(&mut passed, Some("c")), Err(Fault::NoSuchName { names: names() }));
        assert_eq!(found(&mut passed, Some("b")), Err(Fault::Several { names: names() }));
        assert_eq!(found(&mut passed, None), Err(Fault::Several { names: names() }));
        assert_eq!(found(&mut [], None), Err(Fault::Nothing));
    }

    #[test]
    fn what_this_program_has_opened_did_not_come_across_an_exec() {
        let own = fs::File::open("/dev/null").unwrap();
        assert!(!came_across_exec(own.as_raw_fd()));
        rustix::io::fcntl_setfd(&own, rustix::io::FdFlags::empty()).unwrap();
        assert!(came_across_exec(own.as_raw_fd()), "as what is passed looks");
    }
}
