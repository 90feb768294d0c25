//! How it speaks HTTP.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "HTTP";
    ROOT_PATH = Setting::new("root_path", Kind::Text(forms::MOUNT), "Where the app is mounted").default("");
    SENDFILE = Setting::new("sendfile", Kind::Switch, "Lets the system send files where it can")
        .variables(&[Variable::plain("SENDFILE")])
        .default("true");
    SERVER_HEADER = Setting::new("server_header", Kind::Text(forms::FIELD_VALUE), "Server field of answers")
        .said("none");
    HALF_CLOSE = Setting::new(
        "half_close",
        Kind::Choice(&["gone", "answered"]),
        "What a client is that ends its direction while its answer is made",
    )
    .default("gone");
}
