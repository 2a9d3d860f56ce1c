//! Tests of the views and settings: snapshots of text made from data, without a cloud or a terminal.

mod deployments;
mod emit;
mod errors;
mod help;
mod plans;
mod progress;
mod settings;
mod status;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use aomidori_model::Stack;
use aomidori_model::kinds::{Subnet, Vpc};
use clap::Parser;

use crate::args::Program;
use crate::{App, Exit};

/// A host with two inputs and three resources.
fn app() -> App {
    App::new("shop", |inputs| {
        let mut stack = Stack::new("shop-dev".parse()?);
        let cidr = inputs.parse("cidr")?;
        let vpc = stack.add("network/vpc", Vpc { cidr, dns_support: Some(true), dns_hostnames: None });
        let zones: u32 = inputs.parse("zones")?;
        for zone in 0..zones {
            let cidr = format!("10.0.{zone}.0/24").parse()?;
            let zone = format!("eu-central-1{}", ['a', 'b', 'c'][zone as usize % 3]);
            let address = format!("network/subnet/{zone}");
            stack.add(&address, Subnet { vpc: vpc.clone(), cidr, zone, map_public_ip_on_launch: None });
        }
        Ok(stack)
    })
    .called("shop")
    .input("cidr", "10.0.0.0/16", "The VPC's addresses.")
    .input("zones", "2", "How many availability zones.")
}

/// What a stream got.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs a command line and returns its exit code and both streams, each with its name before it.
fn run(arguments: &str, variables: &[(&str, &str)]) -> (Exit, String) {
    let program = Program::try_parse_from(["shop"].into_iter().chain(arguments.split_whitespace())).unwrap();
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (out, err) = (Buffer::default(), Buffer::default());
    let exit = app().run_with(&program.command, environment, out.clone(), err.clone());
    let (out, err) = (out.text(), err.text());
    let mut text = String::new();
    if !out.is_empty() {
        text.push_str(&format!("--- stdout\n{out}"));
    }
    if !err.is_empty() {
        text.push_str(&format!("--- stderr\n{err}"));
    }
    (exit, text)
}
