//! lighttpd with a shipped configuration.

use std::fs;
use std::process::Command;

use rsgi_tests::driving::tool;
use rsgi_tests::shipped;

use crate::fronts::Speaks;
use crate::standing::{Between, Mount, Site, Uploads};

/// Writes its configuration, and gives what starts it.
pub(crate) fn prepare(site: &Site<'_>) -> Command {
    let port = if site.front.speaks == Speaks::FastCgi { "\"port\" => 9000," } else { "\"port\" => 4000," };
    let behind = match site.setup.between {
        Between::Tcp => format!("\"port\" => {},", site.behind.port()),
        Between::Unix => format!("\"socket\" => \"{}\",", site.socket),
    };
    let mut changes = vec![(port, behind.as_str())];
    if site.setup.between == Between::Unix {
        changes.push(("\"host\" => \"127.0.0.1\",", ""));
    }
    if site.setup.uploads == Uploads::Unbounded {
        changes.push(("server.max-request-size = 16384", "server.max-request-size = 0"));
    }
    if site.setup.mount == Mount::Shop {
        changes.push(("\"/\" => ((", "\"/shop\" => (("));
    }
    let file = site.place.join("lighttpd.conf");
    let main = MAIN.replace("PLACE", site.place.to_str().unwrap());
    let main = main.replace("PORT", &site.address.port().to_string());
    let tls = site.certificate().map(|file| {
        format!("server.modules += ( \"mod_openssl\" )\nssl.engine = \"enable\"\nssl.pemfile = \"{file}\"\n")
    });
    let main = main + &tls.unwrap_or_default();
    fs::write(&file, main + &shipped::adapted(site.front.file, &changes)).unwrap();
    let mut command = tool("lighttpd");
    command.arg("-D").arg("-f").arg(file);
    command
}

const MAIN: &str = "\
server.document-root = \"PLACE\"
server.bind = \"127.0.0.1\"
server.port = PORT
server.errorlog = \"PLACE/error.log\"
server.upload-dirs = ( \"PLACE\" )
";
