//! The words that a line has for what the contract tells by its types.

use rsgi_core::http::Version;
use rsgi_core::{AcceptedBy, Cause, Delivery, Fault, Phase};

pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

pub(super) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Whole(_) => "whole",
        Delivery::Aborted(_) => "aborted",
        Delivery::TimedOut => "timed_out",
        Delivery::Failed => "failed",
        _ => "other",
    }
}

/// Who accepted the last byte, or why there is none.
pub(super) fn cause(delivery: Delivery) -> Option<&'static str> {
    Some(match delivery {
        Delivery::Whole(AcceptedBy::System) => "accepted_by_system",
        Delivery::Whole(AcceptedBy::Protocol) => "accepted_by_protocol",
        Delivery::Whole(AcceptedBy::Caller) => "accepted_by_caller",
        Delivery::Aborted(Cause::Closed) => "closed",
        Delivery::Aborted(Cause::Reset) => "reset",
        Delivery::Aborted(Cause::TimedOut) => "timed_out",
        Delivery::Aborted(Cause::ServerStopped) => "server_stopped",
        _ => return None,
    })
}

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::App => "app",
        Phase::Head => "head",
        Phase::Body => "body",
        Phase::End => "end",
        _ => "other",
    }
}

pub(super) fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Error => "error",
        Fault::Panic => "panic",
        Fault::BodyError => "body_error",
        Fault::BodyPanic => "body_panic",
        Fault::Surplus => "surplus",
        Fault::Missing => "missing",
        Fault::Refused => "refused",
        _ => "other",
    }
}
