//! What settings may not be together. Each rule names both settings, their values and where those came from.
//!
//! Only what would make the server do less, or less safely, than was asked is refused; a setting that merely has no effect
//! beside another is left alone, so that one file can serve several uses.
//!
//! Invariant: a rule that needs the value of a broken setting isn't applied: the first fault is told, not its echo.

use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::Bind;

use super::build::server;
use super::config::{Protocol, ServerKind};
use super::fault::Fault;
use super::kind::Value;
use super::machine::Machine;
use super::serving::{forwarded_fields, proxy_protocol, reads_forwarded};
use super::setting::Setting;
use super::table::{gateway, http, limits, logging, observing, process, proxies, sockets, tls, workers};
use super::values::Values;

/// Everything that is wrong with the values together.
pub(super) fn check(values: &Values, machine: &Machine) -> Vec<Fault> {
    let mut rules = Rules { values, faults: Vec::new() };
    rules.tls();
    rules.server();
    rules.protocol();
    rules.limits();
    rules.recycling();
    rules.listeners();
    rules.proxies();
    rules.logging();
    rules.rights(machine);
    rules.faults
}

struct Rules<'a> {
    values: &'a Values,
    faults: Vec<Fault>,
}

impl Rules<'_> {
    fn tls(&mut self) {
        self.needs(&tls::KEYFILE, &tls::CERTFILE, "a key is of no use without its certificate");
        self.needs(&tls::CERTFILE, &tls::KEYFILE, "a certificate is of no use without its key");
        self.needs(&tls::CA_CERTS, &tls::CERTFILE, "client certificates are only asked for over TLS");
        let only_unix = self.binds().iter().all(|bind| matches!(bind, Bind::Unix(_)));
        if self.is_set(&tls::CERTFILE) && only_unix {
            let problem = "no listener would speak TLS, which is for TCP";
            self.clash(&tls::CERTFILE, &sockets::BIND, problem, "bind a TCP address, or leave certfile out");
        }
    }

    fn server(&mut self) {
        let (class, name) = (&workers::WORKER_CLASS, &workers::SERVER);
        let by_name = self.text(name);
        if self.is_set(class) && self.values.is_given(name) && by_name != server(self.values).name() {
            let problem = "these are two servers";
            self.clash(class, name, problem, "leave one of them out");
        }
        if self.text(class) == "sync" && self.number(&workers::THREADS) > 1 {
            let problem = "sync is one thread";
            self.clash(class, &workers::THREADS, problem, "write gthread, or leave threads out");
        }
        let (setting, compiled) =
            (if self.is_set(class) { class } else { name }, compiled(server(self.values)));
        if !compiled && !self.values.is_broken(setting) {
            let feature = server(self.values).name();
            let remedy =
                format!("build it with the feature {feature} of rsgi-serve, or choose the other server");
            let fault = Fault::new(setting.name, "this program was built without that server", remedy);
            self.faults.push(self.described(fault, setting));
        }
    }

    /// What a web server's own protocol has no place for, and would silently not be done.
    fn protocol(&mut self) {
        let (protocol, name) = (&gateway::PROTOCOL, self.text(&gateway::PROTOCOL));
        if name == Protocol::Http.name() {
            return;
        }
        if !cfg!(feature = "gateway") && !self.values.is_broken(protocol) {
            let remedy = "build it with the feature gateway of rsgi-serve, or leave it out";
            let fault = Fault::new(protocol.name, "this program was built without that protocol", remedy);
            self.faults.push(self.described(fault, protocol));
        }
        let own = format!("{name} has none");
        if self.is_set(&tls::CERTFILE) {
            self.clash(&tls::CERTFILE, protocol, &own, "give the certificate to the web server");
        }
        if proxy_protocol(self.values) != ProxyProtocol::Off {
            let problem = format!("{name} says itself who the client is");
            self.clash(
                &proxies::PROXY_PROTOCOL,
                protocol,
                &problem,
                "set it at the web server, and off here",
            );
        }
        if self.is_set(&http::SERVER_HEADER) {
            let remedy = "set it there, and leave it out here";
            self.clash(&http::SERVER_HEADER, protocol, "the web server writes its own", remedy);
        }
        let binds = self.binds();
        let reachable = binds.iter().any(|bind| !matches!(bind, Bind::Unix(_)));
        if reachable && !binds.is_empty() && !self.is_not_empty(&gateway::GATEWAY_ALLOW_IPS) {
            let problem = "nobody may connect";
            self.clash(
                &gateway::GATEWAY_ALLOW_IPS,
                protocol,
                problem,
                "name the web servers, or bind a unix socket",
            );
        }
    }

    fn limits(&mut self) {
        for part in [&limits::LIMIT_REQUEST_LINE, &limits::LIMIT_REQUEST_FIELD_SIZE] {
            if self.number(part) > self.number(&limits::LIMIT_REQUEST_HEAD) {
                let problem = "a part of the head can't be larger than the whole";
                self.clash(part, &limits::LIMIT_REQUEST_HEAD, problem, "lower the one or raise the other");
            }
        }
    }

    fn recycling(&mut self) {
        for (jitter, limit) in [
            (&workers::MAX_REQUESTS_JITTER, &workers::MAX_REQUESTS),
            (&workers::MAX_WORKER_AGE_JITTER, &workers::MAX_WORKER_AGE),
        ] {
            if self.is_more_than_zero(jitter) && !self.is_more_than_zero(limit) {
                let problem = "there is nothing to add it to";
                self.clash(jitter, limit, problem, &format!("set {} too", limit.name));
            }
        }
        let (least, most) = (&workers::WORKERS, &workers::MAX_WORKERS);
        if self.is_more_than_zero(most) && self.number(most) < self.number(least) {
            let problem = "the most can't be fewer than the least";
            self.clash(most, least, problem, "raise the one or lower the other");
        }
        let alone = self.values.is_given(&workers::WORKERS) && self.number(&workers::WORKERS) == 0;
        for limit in [&workers::MAX_REQUESTS, &workers::MAX_WORKER_MEMORY, &workers::MAX_WORKER_AGE] {
            if alone && self.is_more_than_zero(limit) {
                let problem = "there is no worker to replace";
                self.clash(limit, &workers::WORKERS, problem, "ask for at least one worker");
            }
        }
    }

    fn listeners(&mut self) {
        let binds = self.binds();
        if self.is_on(&sockets::REUSE_PORT) && !binds.iter().any(|bind| matches!(bind, Bind::Tcp { .. })) {
            let problem = "only TCP addresses can be shared so";
            self.clash(&sockets::REUSE_PORT, &sockets::BIND, problem, "bind a TCP address, or leave it out");
        }
        if binds.is_empty() && !self.values.is_broken(&sockets::BIND) {
            let fault =
                Fault::new(sockets::BIND.name, "no listener is named", "name one, such as 127.0.0.1:8000");
            self.faults.push(self.described(fault, &sockets::BIND));
        }
        for (index, bind) in binds.iter().enumerate() {
            let any_port = matches!(bind, Bind::Tcp { port: 0, .. });
            if !any_port && binds[..index].contains(bind) {
                let problem = format!("{bind} is named twice");
                let fault = Fault::new(sockets::BIND.name, problem, "name each listener once");
                self.faults.push(self.described(fault, &sockets::BIND));
            }
        }
        let status = self.text(&observing::STATUS_BIND).parse::<Bind>();
        if status.is_ok_and(|status| !matches!(status, Bind::Tcp { port: 0, .. }) && binds.contains(&status))
        {
            let problem = "the status page has a listener of its own";
            self.clash(&observing::STATUS_BIND, &sockets::BIND, problem, "choose another address");
        }
        if self.is_on(&observing::CONTROL_SOCKET_DISABLE) && self.is_set(&observing::CONTROL_SOCKET) {
            let problem = "there would be no such socket";
            let both = (&observing::CONTROL_SOCKET, &observing::CONTROL_SOCKET_DISABLE);
            self.clash(both.0, both.1, problem, "leave one of them out");
        }
    }

    fn proxies(&mut self) {
        let (fields, allowed) = (&proxies::FORWARDED_HEADERS, &proxies::FORWARDED_ALLOW_IPS);
        let (protocol, speakers) = (&proxies::PROXY_PROTOCOL, &proxies::PROXY_ALLOW_IPS);
        let reads = reads_forwarded(self.values);
        let speaks = proxy_protocol(self.values) != ProxyProtocol::Off;
        self.forwarded_fields();
        // Whoever writes off knows what it does; whoever writes nothing takes it to be on, as it is in Gunicorn.
        if self.names_peers(allowed) && !reads && !self.values.is_given(fields) {
            let problem = "no field of theirs would be read";
            let remedy = "say which they write: forwarded, or x-for with x-proto, x-host, x-port; or off";
            self.clash(allowed, fields, problem, remedy);
        }
        if self.names_peers(speakers) && !speaks && !self.values.is_given(protocol) {
            let problem = "none of them would be listened to";
            self.clash(speakers, protocol, problem, "set proxy_protocol to v1, v2 or auto; or to off");
        }
        if reads && !self.is_not_empty(allowed) {
            self.clash(fields, allowed, "nobody may write them", "name the proxies, or write off");
        }
        if speaks && !self.is_not_empty(speakers) {
            self.clash(protocol, speakers, "nobody may speak it", "name the proxies, or write off");
        }
        let both_given = self.values.is_given(allowed) && self.values.is_given(speakers);
        if reads && speaks && both_given && self.values.value(allowed) != self.values.value(speakers) {
            let problem = "where both are on, the same peers are trusted with both";
            self.clash(allowed, speakers, problem, "write the same list, or leave one out");
        }
    }

    fn forwarded_fields(&mut self) {
        let fields = forwarded_fields(self.values);
        let has = |name: &str| fields.iter().any(|field| field == name);
        let x_fields = fields.iter().any(|field| field.starts_with("x-"));
        let problem = if (has("off") || has("forwarded")) && fields.len() > 1 {
            "off and forwarded stand alone"
        } else if x_fields && !has("x-for") {
            "a proxy that writes the others writes x-for too, and only by it is known how far to believe them"
        } else {
            return;
        };
        let setting = &proxies::FORWARDED_HEADERS;
        let remedy =
            "write off, or forwarded, or x-for and those of x-proto, x-host, x-port that every proxy writes";
        self.faults.push(self.described(Fault::new(setting.name, problem, remedy), setting));
    }

    fn logging(&mut self) {
        let (syslog, log) = (&logging::SYSLOG, &logging::ERRORLOG);
        if self.is_on(syslog) && self.values.is_given(log) {
            self.clash(log, syslog, "the log goes to one place", "leave one of them out");
        }
        for detail in [&logging::SYSLOG_ADDR, &logging::SYSLOG_PREFIX, &logging::SYSLOG_FACILITY] {
            if self.values.is_given(detail) && !self.is_on(syslog) {
                self.clash(detail, syslog, "nothing goes there", "set syslog too");
            }
        }
        if self.is_on(&logging::ACCESS_LOG_JSON) && self.values.is_given(&logging::ACCESS_LOG_FORMAT) {
            let problem = "a line is JSON or has this form";
            let both = (&logging::ACCESS_LOG_FORMAT, &logging::ACCESS_LOG_JSON);
            self.clash(both.0, both.1, problem, "leave one of them out");
        }
    }

    /// Another user's rights can only be taken by root.
    fn rights(&mut self, machine: &Machine) {
        self.needs_on(&process::INITGROUPS, &process::USER, "whose groups isn't said");
        if machine.is_root() {
            return;
        }
        // Names that aren't known are told where they are looked up, with what can be done about it.
        let user = |name: &str| (machine.numbers)(Some(name), None)?.0;
        let group = |name: &str| (machine.numbers)(None, Some(name))?.1;
        self.needs_root(&process::USER, machine.user, user);
        self.needs_root(&process::GROUP, machine.group, group);
    }

    fn needs_root(&mut self, setting: &Setting, own: u32, number: impl Fn(&str) -> Option<u32>) {
        let name: Option<String> = self.values.read(setting).unwrap_or_default();
        if name.and_then(|name| number(&name)).is_some_and(|number| number != own) {
            let problem =
                format!("only root can become another, and this process is of {} {own}", setting.name);
            let fault = Fault::new(setting.name, problem, "start it as root, or leave it out");
            self.faults.push(self.described(fault, setting));
        }
    }

    /// A setting that is set needs another to be set.
    fn needs(&mut self, setting: &'static Setting, other: &'static Setting, problem: &str) {
        if self.is_set(setting) && !self.is_set(other) {
            self.clash(setting, other, problem, &format!("set {} too", other.name));
        }
    }

    /// A switch that is on needs another setting to be set.
    fn needs_on(&mut self, switch: &'static Setting, other: &'static Setting, problem: &str) {
        if self.is_on(switch) && !self.is_set(other) {
            self.clash(switch, other, problem, &format!("set {} too", other.name));
        }
    }

    fn clash(&mut self, setting: &'static Setting, other: &'static Setting, problem: &str, remedy: &str) {
        if self.values.is_broken(setting) || self.values.is_broken(other) {
            return;
        }
        let state = match self.values.value(other) {
            None => format!("{} isn't set", other.name),
            Some(value) => format!("{} is \"{value}\" from {}", other.name, self.values.origin(other)),
        };
        let fault = Fault::new(setting.name, format!("{problem}, and {state}"), remedy);
        self.faults.push(self.described(fault, setting));
    }

    fn described(&self, fault: Fault, setting: &Setting) -> Fault {
        let fault = fault.said_by(self.values.origin(setting));
        match self.values.value(setting) {
            Some(value) => fault.with_value(&value.to_string()),
            None => fault,
        }
    }

    fn is_set(&self, setting: &Setting) -> bool {
        self.values.value(setting).is_some()
    }

    fn is_on(&self, setting: &Setting) -> bool {
        self.values.read(setting) == Some(true)
    }

    fn is_not_empty(&self, setting: &Setting) -> bool {
        matches!(self.values.value(setting), Some(Value::List(items)) if !items.is_empty())
    }

    fn names_peers(&self, setting: &Setting) -> bool {
        self.values.is_given(setting) && self.is_not_empty(setting)
    }

    fn is_more_than_zero(&self, setting: &Setting) -> bool {
        match self.values.value(setting) {
            Some(Value::Number(number) | Value::Size(number)) => *number > 0,
            Some(Value::Time(time)) => !time.is_zero(),
            _ => false,
        }
    }

    fn number(&self, setting: &Setting) -> u64 {
        self.values.read(setting).unwrap_or_default()
    }

    fn text(&self, setting: &Setting) -> String {
        self.values.read(setting).unwrap_or_default()
    }

    fn binds(&self) -> Vec<Bind> {
        let texts: Vec<String> = self.values.read(&sockets::BIND).unwrap_or_default();
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

fn compiled(server: ServerKind) -> bool {
    match server {
        ServerKind::Std => cfg!(feature = "std"),
        ServerKind::Hyper => cfg!(feature = "hyper"),
    }
}
