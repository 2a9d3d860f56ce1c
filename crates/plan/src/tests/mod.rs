//! Tests of the planner: tables of small cases, and properties of random ones.

mod properties;
mod support;
