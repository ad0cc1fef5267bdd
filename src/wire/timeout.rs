//! **Timeout** -> "grpc-timeout" TimeoutValue TimeoutUnit
//!
//! A deadline travels as a duration: 1 to 8 digits and a unit of H, M, S, m, u, n. Encoding picks the finest unit that
//! fits and rounds up, so that a peer never gives up early. Reading takes every legal value, 0 among them, which is a
//! deadline that has passed (rule 6). Turning it into an instant is `call::Deadline`'s job.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use crate::wire::WireError;
use crate::wire::error::excerpt;

/// The time that a call may take, as a value that `grpc-timeout` can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(Duration);

impl Timeout {
    /// The longest timeout, 99,999,999 hours.
    pub const MAX: Timeout = Timeout(Duration::from_secs(MAX_VALUE * 3600));

    /// The shortest value on the wire that is not below the duration; [`Timeout::MAX`] where there is none.
    pub fn from_duration(duration: Duration) -> Self {
        let (value, unit) = Timeout::finest(duration.min(Timeout::MAX.0).as_nanos());
        Timeout(unit.duration(value))
    }

    /// Reads the value of `grpc-timeout`.
    ///
    /// # Errors
    /// [`WireError::Timeout`] when it is not 1 to 8 ASCII digits and a unit.
    pub fn parse(text: &[u8]) -> Result<Self, WireError> {
        Timeout::read(text).ok_or_else(|| WireError::Timeout { value: excerpt(text) })
    }

    /// The timeout as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    pub(super) fn to_header_value(self) -> HeaderValue {
        // Digits and a letter are always a legal value.
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("0n"))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (unit, digits) = text.split_last()?;
        let unit = Unit::from_letter(*unit)?;
        if !(1..=MAX_DIGITS).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let value = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        Some(Timeout(unit.duration(value)))
    }

    /// The count of the finest unit that fits the digits, rounded up.
    fn finest(nanos: u128) -> (u64, Unit) {
        let count = |unit: &Unit| u64::try_from(nanos.div_ceil(unit.nanos())).unwrap_or(u64::MAX);
        Unit::FINEST_FIRST
            .into_iter()
            .map(|unit| (count(&unit), unit))
            .find(|(value, _)| *value <= MAX_VALUE)
            .unwrap_or((MAX_VALUE, Unit::Hour))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = Timeout::finest(self.0.as_nanos());
        write!(f, "{value}{}", unit.letter())
    }
}

/// **TimeoutUnit** -> Hour / Minute / Second / Millisecond / Microsecond / Nanosecond
#[derive(Clone, Copy)]
enum Unit {
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    const FINEST_FIRST: [Unit; 6] =
        [Unit::Nanosecond, Unit::Microsecond, Unit::Millisecond, Unit::Second, Unit::Minute, Unit::Hour];

    fn from_letter(letter: u8) -> Option<Unit> {
        Unit::FINEST_FIRST.into_iter().find(|unit| unit.letter() == char::from(letter))
    }

    const fn letter(self) -> char {
        match self {
            Unit::Hour => 'H',
            Unit::Minute => 'M',
            Unit::Second => 'S',
            Unit::Millisecond => 'm',
            Unit::Microsecond => 'u',
            Unit::Nanosecond => 'n',
        }
    }

    const fn nanos(self) -> u128 {
        self.duration(1).as_nanos()
    }

    /// A duration of at most [`MAX_VALUE`] of the unit, which no unit lets overflow.
    const fn duration(self, value: u64) -> Duration {
        match self {
            Unit::Hour => Duration::from_secs(value * 3600),
            Unit::Minute => Duration::from_secs(value * 60),
            Unit::Second => Duration::from_secs(value),
            Unit::Millisecond => Duration::from_millis(value),
            Unit::Microsecond => Duration::from_micros(value),
            Unit::Nanosecond => Duration::from_nanos(value),
        }
    }
}

const MAX_DIGITS: usize = 8;
const MAX_VALUE: u64 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_picks_the_finest_unit_that_fits_and_rounds_up() {
        let table = [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(1), "1n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_000), "100000u"),
            (Duration::from_nanos(100_000_001), "100001u"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_millis(99_999), "99999000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(99_999_999), "99999999S"),
            (Duration::from_secs(100_000_000), "1666667M"),
            (Duration::from_secs(99_999_999 * 60 + 1), "1666667H"),
            (Duration::from_secs(u64::MAX), "99999999H"),
            (Duration::MAX, "99999999H"),
        ];
        for (duration, text) in table {
            let timeout = Timeout::from_duration(duration);
            assert_eq!(timeout.to_string(), text, "{duration:?}");
            assert!(timeout.duration() >= duration.min(Timeout::MAX.0));
            assert_eq!(Timeout::parse(text.as_bytes()), Ok(timeout));
        }
    }

    #[test]
    fn rule_6_reads_each_unit_and_what_real_peers_send() {
        let table = [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("5S", Duration::from_secs(5)),
            ("5010m", Duration::from_millis(5010)),
            ("4993706u", Duration::from_micros(4_993_706)),
            ("14999934u", Duration::from_micros(14_999_934)),
            ("00000001n", Duration::from_nanos(1)),
            ("0n", Duration::ZERO),
            ("99999999H", Timeout::MAX.0),
        ];
        for (text, duration) in table {
            assert_eq!(Timeout::parse(text.as_bytes()).map(Timeout::duration), Ok(duration), "{text}");
        }
    }

    #[test]
    fn rule_6_refuses_9_digits_no_digits_and_other_units() {
        let texts = [
            "",
            "S",
            "5",
            "100000000n",
            "000000001n",
            "5s",
            "5h",
            "5 S",
            " 5S",
            "5S ",
            "-5S",
            "+5S",
            "1.5S",
            "5Sm",
        ];
        for text in texts {
            assert_eq!(
                Timeout::parse(text.as_bytes()),
                Err(WireError::Timeout { value: text.into() }),
                "{text}"
            );
        }
        assert!(Timeout::parse("\u{0665}S".as_bytes()).is_err());
        assert!(Timeout::parse(&[b'1'; 4096]).is_err());
    }
}
