//! How figures are written in a cell: bytes with separators, spans with the unit that fits, errors by their name.

use std::{io, time::Duration};

use rustix::io::Errno;
use wirepath::transport::SocketError;

/// `212,992 B`.
pub(super) fn bytes(count: usize) -> String {
    format!("{} B", count_of(count))
}

/// `212,992`.
pub(super) fn count_of(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `9.1 us`, `31 us`, `4.2 ms`, `1.02 s`.
pub(super) fn span(span: Duration) -> String {
    let us = span.as_secs_f64() * 1e6;
    match us {
        us if us < 10.0 => format!("{us:.1} us"),
        us if us < 1e3 => format!("{us:.0} us"),
        us if us < 1e4 => format!("{:.1} ms", us / 1e3),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

/// `EAGAIN`: what came of a call, by the name of its error; `ok` if it succeeded.
pub(super) fn outcome<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => errno(error),
    }
}

/// What a read gave: `4 B`, [`END`], or the name of its error.
pub(super) fn outcome_of_read(read: &io::Result<usize>) -> String {
    match read {
        Ok(0) => END.to_owned(),
        Ok(count) => bytes(*count),
        failed => outcome(failed),
    }
}

/// What a read of no bytes means.
pub(super) const END: &str = "end of data";

/// The name of an error of the kernel, or its number, or the text of any other error.
pub(super) fn errno(error: &io::Error) -> String {
    match errno_of(error) {
        Some(errno) => NAMES
            .iter()
            .find(|(named, _)| *named == errno)
            .map_or_else(|| format!("errno {}", errno.raw_os_error()), |(_, name)| (*name).to_owned()),
        None => error.to_string(),
    }
}

/// The kernel's number; this library's errors hold it within.
fn errno_of(error: &io::Error) -> Option<Errno> {
    let payload = error.get_ref().and_then(|payload| payload.downcast_ref::<SocketError>());
    let within = payload.and_then(SocketError::raw_os_error).map(Errno::from_raw_os_error);
    within.or_else(|| Errno::from_io_error(error))
}

/// Why an experiment could not be made.
pub(super) fn cause(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(_) => format!("{} ({error})", errno(error)),
        None => error.to_string(),
    }
}

/// The errors that the rows are about, and those that keep one from being tried.
const NAMES: &[(Errno, &str)] = &[
    (Errno::ACCESS, "EACCES"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::INPROGRESS, "EINPROGRESS"),
    (Errno::INVAL, "EINVAL"),
    (Errno::MFILE, "EMFILE"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NOENT, "ENOENT"),
    (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    (Errno::NOSYS, "ENOSYS"),
    (Errno::NOTCONN, "ENOTCONN"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::PERM, "EPERM"),
    (Errno::PIPE, "EPIPE"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_grouped_by_thousands() {
        for (count, text) in [(0, "0 B"), (999, "999 B"), (1000, "1,000 B"), (4264448, "4,264,448 B")] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn spans_take_the_unit_that_fits() {
        for (ns, text) in [
            (9_140, "9.1 us"),
            (31_400, "31 us"),
            (4_200_000, "4.2 ms"),
            (52_000_000, "52 ms"),
            (1_020_000_000, "1.02 s"),
        ] {
            assert_eq!(span(Duration::from_nanos(ns)), text);
        }
    }

    #[test]
    fn errors_go_by_their_name() {
        assert_eq!(errno(&Errno::AGAIN.into()), "EAGAIN");
        assert_eq!(errno(&Errno::XDEV.into()), "errno 18");
        assert_eq!(errno(&io::Error::other("no server")), "no server");
        assert_eq!(outcome(&Ok(())), "ok");
        assert_eq!(outcome_of_read(&Ok(4)), "4 B");
        assert_eq!(outcome_of_read(&Ok(0)), END);
        assert_eq!(outcome_of_read(&Err(Errno::CONNRESET.into())), "ECONNRESET");
        assert!(cause(&Errno::PERM.into()).starts_with("EPERM ("));
    }
}
