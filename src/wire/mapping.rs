//! From the codes of HTTP to those of gRPC: http-grpc-status-mapping.md and the error table of PROTOCOL-HTTP2.md.
//!
//! Both tables serve where a peer did not say `grpc-status`: a proxy answered in a server's place, or a stream was reset.
//! A `grpc-status` that was received always wins over them (rule 31).

use http::StatusCode;

use crate::wire::Code;

/// The code of a response that carries no `grpc-status`, by its `:status`.
///
/// 200 and everything the table does not name is UNKNOWN: such a response did not come from a gRPC server. So is 431, for
/// which a newer text of the table has INTERNAL and the conformance suite, which holds to the older one, has not.
pub fn code_from_http(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The code of a call whose stream was reset with this error code of RFC 9113, section 7.
///
/// STREAM_CLOSED and codes without a name have no mapping and are UNKNOWN. NO_ERROR is INTERNAL here: after complete
/// trailers it is no error at all, which only the reader of the stream can know (rule 39).
pub fn code_from_rst(error_code: u32) -> Code {
    match error_code {
        NO_ERROR..=SETTINGS_TIMEOUT | FRAME_SIZE_ERROR | COMPRESSION_ERROR | CONNECT_ERROR => Code::Internal,
        REFUSED_STREAM => Code::Unavailable,
        CANCEL => Code::Cancelled,
        ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Unknown,
    }
}

const NO_ERROR: u32 = 0x0;
// PROTOCOL_ERROR, INTERNAL_ERROR and FLOW_CONTROL_ERROR lie between.
const SETTINGS_TIMEOUT: u32 = 0x4;
const FRAME_SIZE_ERROR: u32 = 0x6;
const REFUSED_STREAM: u32 = 0x7;
const CANCEL: u32 = 0x8;
const COMPRESSION_ERROR: u32 = 0x9;
const CONNECT_ERROR: u32 = 0xa;
const ENHANCE_YOUR_CALM: u32 = 0xb;
const INADEQUATE_SECURITY: u32 = 0xc;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_31_maps_http_status() {
        let named = [
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
        ];
        for status in 100..1000 {
            let expected =
                named.iter().find(|(named, _)| *named == status).map_or(Code::Unknown, |row| row.1);
            assert_eq!(code_from_http(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn rule_38_maps_reset_codes() {
        let table = [
            Code::Internal,          // NO_ERROR
            Code::Internal,          // PROTOCOL_ERROR
            Code::Internal,          // INTERNAL_ERROR
            Code::Internal,          // FLOW_CONTROL_ERROR
            Code::Internal,          // SETTINGS_TIMEOUT
            Code::Unknown,           // STREAM_CLOSED
            Code::Internal,          // FRAME_SIZE_ERROR
            Code::Unavailable,       // REFUSED_STREAM
            Code::Cancelled,         // CANCEL
            Code::Internal,          // COMPRESSION_ERROR
            Code::Internal,          // CONNECT_ERROR
            Code::ResourceExhausted, // ENHANCE_YOUR_CALM
            Code::PermissionDenied,  // INADEQUATE_SECURITY
            Code::Unknown,           // HTTP_1_1_REQUIRED
            Code::Unknown,           // no name
        ];
        for (error_code, expected) in (0..).zip(table) {
            assert_eq!(code_from_rst(error_code), expected, "{error_code:#x}");
        }
        assert_eq!(code_from_rst(u32::MAX), Code::Unknown);
    }

    #[test]
    fn rule_36_never_makes_the_codes_of_applications() {
        let reserved = [
            Code::InvalidArgument,
            Code::NotFound,
            Code::AlreadyExists,
            Code::FailedPrecondition,
            Code::Aborted,
            Code::OutOfRange,
            Code::DataLoss,
        ];
        for status in 100..1000 {
            assert!(!reserved.contains(&code_from_http(StatusCode::from_u16(status).unwrap())), "{status}");
        }
        for error_code in 0..1000 {
            assert!(!reserved.contains(&code_from_rst(error_code)), "{error_code}");
        }
    }
}
