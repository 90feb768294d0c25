//! A request as a case asks it, and an answer as it looks at it: the same for every way in which an application is served.

use rsgi_test::Answer;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) fields: Vec<(&'static str, Vec<u8>)>,
    pub(crate) has_content: bool,
    pub(crate) content: Vec<u8>,
    /// The content is sent without its length, where the protocol can.
    pub(crate) is_streamed: bool,
    /// The part of the path that the server takes off; empty for none.
    pub(crate) mount: &'static str,
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// 0 where no head came.
    pub(crate) status: u16,
    /// Names in small letters; values by their bytes.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    /// It came to its end, and a client can tell.
    pub(crate) is_whole: bool,
    /// What the server passed on of the request's error stream, where it goes with the answer.
    pub(crate) errors: String,
}

impl Asked {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        let (fields, content) = (Vec::new(), Vec::new());
        Self {
            method: "GET",
            target: target.into(),
            fields,
            has_content: false,
            content,
            is_streamed: false,
            mount: "",
        }
    }

    pub(crate) fn post(target: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let asked = Self::get(target).with("Content-Type", "application/octet-stream");
        Self { method: "POST", has_content: true, content: content.into(), ..asked }
    }

    pub(crate) fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn streamed(self) -> Self {
        Self { is_streamed: true, ..self }
    }

    pub(crate) fn host(&self) -> Vec<u8> {
        let host = self.fields.iter().find(|(name, _)| *name == "Host");
        host.map_or_else(|| b"localhost".to_vec(), |(_, value)| value.clone())
    }
}

impl Got {
    pub(crate) fn of(answer: &Answer, is_whole: bool) -> Self {
        let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
        let fields = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        Self {
            status: answer.status(),
            fields: fields.collect(),
            content: answer.body().to_vec(),
            is_whole,
            errors: answer.errors(),
        }
    }

    /// The content of an answer that is whole and means success.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        assert!(self.is_whole && (200..300).contains(&self.status), "{self:?}");
        std::str::from_utf8(&self.content).expect("text")
    }

    /// The values of a field, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}
