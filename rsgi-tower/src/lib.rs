//! Tower and RSGI: services as apps, apps as services, and tower's layers around either.
#![forbid(unsafe_code)]
