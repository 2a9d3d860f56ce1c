//! The HTTP client. TLS is set up by the first request that needs it, and each service gets so many requests at once.
//!
//! The SDK's own client reads the machine's certificates as soon as a service client is made. That is a third of all the
//! work that a plan over an endpoint without TLS does. And it opens a connection for every request that finds none idle,
//! and keeps them all: 400 of them, 20 MB, for a plan of 3,000 resources.

use std::sync::Arc;

use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::shared::IntoShared as _;
use tokio::sync::Semaphore;

/// How many requests one service has at once. In 50 ms each these are 320 in a second, which is more than any of the
/// services here answers for long (field.md 5.3): who waits here would else be throttled.
const AT_ONCE: usize = 16;

/// A client for `http` and `https`.
pub(crate) fn client() -> SharedHttpClient {
    let ring = Provider::Rustls(CryptoMode::Ring);
    let secure = aws_smithy_http_client::Builder::new().tls_provider(ring).build_https();
    ByScheme { plain: plain(), secure }.into_shared()
}

/// The same client for one service: with at most so many requests at once, whichever they are. Pauses between the tries of
/// a request are made outside, and take nobody's place.
pub(crate) fn limited(client: &SharedHttpClient) -> SharedHttpClient {
    Limited { client: client.clone(), places: Arc::new(Semaphore::new(AT_ONCE)) }.into_shared()
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

#[derive(Debug)]
struct Limited<T> {
    client: T,
    places: Arc<Semaphore>,
}

impl HttpClient for Limited<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Limited {
            client: self.client.http_connector(settings, components),
            places: self.places.clone(),
        })
    }
}

impl HttpConnector for Limited<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, places) = (self.client.clone(), self.places.clone());
        HttpConnectorFuture::new(async move {
            let place = places.acquire().await;
            // Nobody closes the semaphore.
            let _place = place.map_err(|closed| ConnectorError::other(closed.into(), None))?;
            client.call(request).await
        })
    }
}
