//! **Status** -> "grpc-status" 1*DIGIT ; 0-9
//!
//! The sixteen ways a call can fail, of statuscodes.md. Zero is not among them: OK is `Result::Ok` in this crate.
//! On the wire a code is a decimal number without leading zeros; an unknown one reads as UNKNOWN (rule 29).

use std::fmt;

/// Why a call failed.
///
/// The library itself never makes the codes that statuscodes.md keeps for applications: `InvalidArgument`, `NotFound`,
/// `AlreadyExists`, `FailedPrecondition`, `Aborted`, `OutOfRange`, `DataLoss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The caller gave the call up.
    Cancelled = 1,
    /// An error of another world, or one that says nothing more.
    Unknown = 2,
    /// The arguments are wrong whatever the state of the system.
    InvalidArgument = 3,
    /// The deadline passed before the call ended.
    DeadlineExceeded = 4,
    /// What was asked for does not exist.
    NotFound = 5,
    /// What was to be made exists.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota, a limit or a disk is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that the call needs.
    FailedPrecondition = 9,
    /// The call lost against a concurrent one.
    Aborted = 10,
    /// The arguments pass the valid range in the present state.
    OutOfRange = 11,
    /// The method does not exist or is not supported here.
    Unimplemented = 12,
    /// An invariant is broken.
    Internal = 13,
    /// The service cannot be reached now; the call may be tried again.
    Unavailable = 14,
    /// Data is lost or corrupted for good.
    DataLoss = 15,
    /// The caller is not known.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Code; 16] = [
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// The number of the code on the wire, 1 to 16.
    #[allow(clippy::as_conversions)] // Of an enum's own discriminant; `From` would not be const.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code's name in the spec, such as `DEADLINE_EXCEEDED`.
    pub const fn name(self) -> &'static str {
        self.texts().0
    }

    /// The code with this number; none for 0, which is no failure, and above 16.
    pub fn from_number(number: u32) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The code as `grpc-status` holds it.
    pub(super) const fn digits(self) -> &'static str {
        self.texts().1
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Code::Cancelled => ("CANCELLED", "1"),
            Code::Unknown => ("UNKNOWN", "2"),
            Code::InvalidArgument => ("INVALID_ARGUMENT", "3"),
            Code::DeadlineExceeded => ("DEADLINE_EXCEEDED", "4"),
            Code::NotFound => ("NOT_FOUND", "5"),
            Code::AlreadyExists => ("ALREADY_EXISTS", "6"),
            Code::PermissionDenied => ("PERMISSION_DENIED", "7"),
            Code::ResourceExhausted => ("RESOURCE_EXHAUSTED", "8"),
            Code::FailedPrecondition => ("FAILED_PRECONDITION", "9"),
            Code::Aborted => ("ABORTED", "10"),
            Code::OutOfRange => ("OUT_OF_RANGE", "11"),
            Code::Unimplemented => ("UNIMPLEMENTED", "12"),
            Code::Internal => ("INTERNAL", "13"),
            Code::Unavailable => ("UNAVAILABLE", "14"),
            Code::DataLoss => ("DATA_LOSS", "15"),
            Code::Unauthenticated => ("UNAUTHENTICATED", "16"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_digits_and_names_agree_with_the_spec() {
        for (index, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code.number() as usize, index + 1);
            assert_eq!(code.digits(), code.number().to_string());
            assert_eq!(Code::from_number(code.number()), Some(code));
            // CANCELLED is Cancelled: the names differ only by case and underscores.
            let letters = code.name().replace('_', "").to_ascii_lowercase();
            assert_eq!(letters, format!("{code:?}").to_ascii_lowercase());
        }
        assert_eq!(Code::DeadlineExceeded.to_string(), "DEADLINE_EXCEEDED");
    }

    #[test]
    fn ok_and_numbers_above_16_are_no_codes() {
        for number in [0, 17, 99, u32::MAX] {
            assert_eq!(Code::from_number(number), None);
        }
    }
}
