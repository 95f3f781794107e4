//! The HTTP client of the SDK: it goes through the proxy that the program's rule names for a URL.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use draftstore_proxy::{Proxies, Proxy};
use http::Uri;

/// Returns a client with connections of its own. With `is_direct`, none of them goes through a proxy.
pub(crate) fn http_client(is_direct: bool) -> SharedHttpClient {
    let proxies = Proxies::of_process();
    let direct = client(ProxyConfig::disabled());
    if is_direct || proxies.all().next().is_none() {
        return direct;
    }
    let clients = proxies.all().filter_map(|proxy| {
        let config = ProxyConfig::all(proxy.uri.clone()).ok()?;
        let config = match &proxy.user {
            Some((user, password)) => config.with_basic_auth(user, password),
            None => config,
        };
        Some((proxy.clone(), client(config)))
    });
    SharedHttpClient::new(ByProxy {
        proxies,
        direct,
        proxied: clients.collect(),
    })
}

/// Clients of one proxy each.
#[derive(Debug)]
struct ByProxy<T> {
    proxies: &'static Proxies,
    direct: T,
    proxied: Vec<(Proxy, T)>,
}

fn client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc)).build()
    })
}

impl HttpClient for ByProxy<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = |client: &SharedHttpClient| client.http_connector(settings, components);
        let proxied = self.proxied.iter();
        SharedHttpConnector::new(ByProxy {
            proxies: self.proxies,
            direct: connector(&self.direct),
            proxied: proxied
                .map(|(proxy, client)| (proxy.clone(), connector(client)))
                .collect(),
        })
    }
}

impl HttpConnector for ByProxy<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: Option<Uri> = request.uri().parse().ok();
        let proxy = uri.and_then(|uri| self.proxies.proxy_for(&uri));
        let connector = self.proxied.iter().find(|(own, _)| Some(own) == proxy);
        connector.map_or(&self.direct, |(_, connector)| connector).call(request)
    }
}
