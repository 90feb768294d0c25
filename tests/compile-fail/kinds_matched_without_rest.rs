//! Breaks C31: kinds can grow, so a match on them has an arm for the rest.

use rsgi_core::InputErrorKind;

fn is_the_clients_fault(kind: InputErrorKind) -> bool {
    match kind {
        InputErrorKind::Truncated
        | InputErrorKind::Limit
        | InputErrorKind::TimedOut
        | InputErrorKind::Disconnected
        | InputErrorKind::Malformed => true,
        InputErrorKind::WouldBlock | InputErrorKind::Other => false,
    }
}

fn main() {}
