//! Child processes of tests, and ports for them.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Child;

/// A child process that is killed on drop.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may already have exited.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Returns different ports that are free now. Another process may take one before it is bound.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners =
        [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback address has a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound socket has an address").port())
}
