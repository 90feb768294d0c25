//! TLS at every TCP listener; the files are read anew at a reload.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::Setting;

settings! { "TLS";
    CERTFILE = file("certfile", "Certificate chain in PEM; with it every TCP listener speaks TLS");
    KEYFILE = file("keyfile", "Private key of the certificate in PEM");
    CA_CERTS = file("ca_certs", "Authorities in PEM; with it every client must have a certificate of theirs");
}

const fn file(name: &'static str, help: &'static str) -> Setting {
    Setting::new(name, Kind::Text(forms::PATH), help)
}
