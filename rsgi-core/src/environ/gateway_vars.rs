//! [`GatewayVars`]: the variables that a gateway sent beside what the typed environ tells, looked up where they lie.
//!
//! Most requests ask for none of them: an adapter keeps the bytes as they came and makes nothing of them before.

/// Variables that a gateway sent, kept by an adapter for [`Environ::var`](crate::Environ::var).
///
/// # Contract
///
/// Asked by the environ alone, only for names that it doesn't answer itself: what stands for a header field, or for
/// what the typed environ tells, may be among them and isn't seen. Names are text: others are left out.
pub trait GatewayVars: Send + Sync {
    /// The value of a name; the last one if it came several times.
    fn var(&self, name: &str) -> Option<&[u8]>;

    /// All of them.
    fn vars(&self) -> Box<dyn Iterator<Item = (&str, &[u8])> + '_>;
}

impl GatewayVars for Vec<(String, Vec<u8>)> {
    fn var(&self, name: &str) -> Option<&[u8]> {
        self.iter().rev().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    fn vars(&self) -> Box<dyn Iterator<Item = (&str, &[u8])> + '_> {
        Box::new(self.iter().map(|(name, value)| (name.as_str(), &value[..])))
    }
}
