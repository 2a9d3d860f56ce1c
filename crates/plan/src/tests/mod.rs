//! Tests of the planner: tables of small cases, and properties of random ones.

mod changes;
mod deployments;
mod fixture;
mod properties;
mod support;
mod whole;
