//! **Status-Details** between [`wire::Status`](crate::wire::Status), which carries the bytes, and `google.rpc.Status`,
//! which gives them types.
//!
//! `grpc-status` and `grpc-message` are what holds (rule 33): details that do not decode, or that say something else, change
//! neither.

use prost::Message;

use super::google::rpc;
use crate::codec::DecodeError;
use crate::wire::{Code, Status};

impl rpc::Status {
    /// The details that a status came with; none if it came without.
    ///
    /// # Errors
    ///
    /// The bytes are no `google.rpc.Status`. The status itself is as good as any.
    pub fn from_details(status: &Status) -> Result<Option<Self>, DecodeError> {
        if status.details().is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::decode(status.details().clone())?))
    }
}

/// A status with details to send: code and message are those of the details.
///
/// A number that is no code, or is that of OK, becomes UNKNOWN.
impl From<rpc::Status> for Status {
    fn from(details: rpc::Status) -> Self {
        let code = u32::try_from(details.code).ok().and_then(Code::from_number).unwrap_or(Code::Unknown);
        Status::new(code, details.message.clone()).with_details(details.encode_to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> rpc::Status {
        let any = prost_types::Any { type_url: "type.googleapis.com/my.Reason".into(), value: vec![8, 1] };
        rpc::Status { code: 5, message: "no such file".into(), details: vec![any] }
    }

    #[test]
    fn details_travel_as_the_bytes_of_a_status() {
        let status = Status::from(details());
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such file"));
        assert_eq!(rpc::Status::from_details(&status), Ok(Some(details())));
    }

    #[test]
    fn a_status_without_details_has_none() {
        assert_eq!(rpc::Status::from_details(&Status::not_found("no such file")), Ok(None));
    }

    #[test]
    fn a_number_that_is_no_code_becomes_unknown() {
        for code in [-1, 0, 17, i32::MAX] {
            let status = Status::from(rpc::Status { code, ..details() });
            assert_eq!((status.code(), status.message()), (Code::Unknown, "no such file"), "{code}");
        }
    }

    // rule 33
    #[test]
    fn broken_details_hide_nothing() {
        let status = Status::not_found("no such file").with_details(&b"\xff\xff"[..]);
        assert!(rpc::Status::from_details(&status).is_err());
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such file"));
    }
}
