//! sockets (being written).
