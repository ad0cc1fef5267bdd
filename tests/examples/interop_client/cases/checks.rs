//! What a case asserts, and the one line that says what differed.

use std::fmt;

use wirepath::{
    Code, Status,
    generated::grpc::testing::{
        Payload, PayloadType, ResponseParameters, SimpleRequest, StreamingOutputCallRequest,
    },
    wire::Origin,
};

use crate::interop_shared::zeros;

/// The first thing that was not as the case demands; one line.
#[derive(Debug)]
pub(crate) struct Difference(String);

/// How a case, or a check of it, ended.
pub(crate) type Outcome<T = ()> = Result<T, Difference>;

impl Difference {
    pub(crate) fn new(line: String) -> Self {
        Self(line)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A status where the case demands success.
impl From<Status> for Difference {
    fn from(status: Status) -> Self {
        Self(format!("the call failed with {}", shown(&status)))
    }
}

/// Asserts that `what` was as `wanted`.
pub(crate) fn equal<T: PartialEq<U> + fmt::Debug, U: fmt::Debug>(what: &str, got: T, wanted: U) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    Err(Difference(format!("{what}: got {got:?}, wanted {wanted:?}")))
}

/// Asserts a payload of `len` zero bytes.
pub(crate) fn is_zeros(what: &str, payload: Option<Payload>, len: usize) -> Outcome {
    let Some(payload) = payload else { return Err(Difference(format!("{what}: no payload"))) };
    equal(&format!("{what}: type of the payload"), payload.r#type, i32::from(PayloadType::Compressable))?;
    equal(&format!("{what}: bytes of the payload"), payload.body.len(), len)?;
    equal(
        &format!("{what}: bytes that are not zero"),
        payload.body.iter().filter(|byte| **byte != 0).count(),
        0,
    )
}

/// Asserts that the call ended with this code, whoever said so.
pub(crate) fn fails<T>(what: &str, result: Result<T, Status>, code: Code) -> Outcome<Status> {
    match result {
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(Difference(format!("{what}: got {}, wanted {code}", shown(&status)))),
        Ok(_) => Err(Difference(format!("{what}: got OK, wanted {code}"))),
    }
}

/// Asserts that the server answered with this code.
pub(crate) fn server_says<T>(what: &str, result: Result<T, Status>, code: Code) -> Outcome<Status> {
    let status = fails(what, result, code)?;
    equal(&format!("{what}: origin of {}", shown(&status)), status.origin(), Origin::Remote)?;
    Ok(status)
}

/// The request of large_unary and its kin.
pub(crate) fn large_request() -> SimpleRequest {
    SimpleRequest {
        response_size: LARGE_RESPONSE as i32,
        payload: Some(zeros(LARGE_REQUEST)),
        ..Default::default()
    }
}

/// A streamed request with a payload of `len`, and a response for each of `sizes`.
pub(crate) fn streamed_request(len: usize, sizes: &[usize]) -> StreamingOutputCallRequest {
    let parameters = |size: &usize| ResponseParameters { size: *size as i32, ..Default::default() };
    StreamingOutputCallRequest {
        response_parameters: sizes.iter().map(parameters).collect(),
        payload: Some(zeros(len)),
        ..Default::default()
    }
}

/// A status in one line, whatever its message holds.
fn shown(status: &Status) -> String {
    format!("{} {:?}", status.code(), status.message())
}

/// Bytes of the payload that large_unary sends.
pub(crate) const LARGE_REQUEST: usize = 271_828;

/// Bytes of the payload that large_unary asks for.
pub(crate) const LARGE_RESPONSE: usize = 314_159;
