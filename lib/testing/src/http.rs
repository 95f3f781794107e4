//! The HTTP client of tests.

use std::sync::LazyLock;

use reqwest::Client;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
    client.build().expect("a client without further options can be built")
});

/// Returns the HTTP client of this process. A new client would read all certificate authorities of the machine.
///
/// The client opens a connection for each request: a connection ends with the runtime of its test, and a store may close one
/// after a refusal while the next request is on its way.
pub fn http_client() -> Client {
    CLIENT.clone()
}
