//! The HTTP client: TLS is set up by the first request that needs it.
//!
//! The SDK's own client reads the machine's certificates as soon as a service client is made. That is a third of all the
//! work that a plan over an endpoint without TLS does.

use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::shared::IntoShared as _;

/// A client for `http` and `https`.
pub(crate) fn client() -> SharedHttpClient {
    let ring = Provider::Rustls(CryptoMode::Ring);
    let secure = aws_smithy_http_client::Builder::new().tls_provider(ring).build_https();
    ByScheme { plain: plain(), secure }.into_shared()
}

/// A client for `http` alone.
pub(crate) fn plain() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

#[derive(Debug)]
struct ByScheme {
    plain: SharedHttpClient,
    secure: SharedHttpClient,
}

impl HttpClient for ByScheme {
    // Both clients keep their connections by themselves.
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            plain: self.plain.http_connector(settings, components),
            secure: self.secure.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

#[derive(Debug)]
struct Connector {
    plain: SharedHttpConnector,
    secure: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // What is neither is refused by the client that knows both.
        match request.uri().starts_with("http://") {
            true => self.plain.call(request),
            false => self.secure.http_connector(&self.settings, &self.components).call(request),
        }
    }
}
