//! Settings: where values come from, and what is said about wrong ones.

use std::fs;

use insta::assert_snapshot;

use super::run;
use crate::{Exit, InputKey};

/// Runs a command that fails, and returns what it says.
fn refused(arguments: &str, variables: &[(&str, &str)]) -> String {
    let (exit, text) = run(arguments, variables);
    assert_eq!(exit, Exit::Error);
    text
}

#[test]
fn an_unknown_input_gets_its_neighbour() {
    assert_snapshot!(refused("validate --set zone=3", &[]), @"
    --- stderr
    error: the stack has no input `zone`
      why: it was set by `--set zone=3`
     help: did you mean `zones`?
     help: its inputs are cidr, zones
    ");
}

#[test]
fn an_input_without_a_value_gets_the_form() {
    assert_snapshot!(refused("validate --set zones", &[]), @"
    --- stderr
    error: `--set zones` sets nothing
      why: an input is set as KEY=VALUE
     help: write `--set zones=VALUE`
    ");
}

#[test]
fn a_wrong_value_says_what_the_input_takes() {
    assert_snapshot!(refused("validate --set cidr=10.0.0.1/16", &[]), @"
    --- stderr
    error: the input `cidr` cannot be `10.0.0.1/16`
      why: `10.0.0.1/16` has host bits set; the network is `10.0.0.0/16` (set by `--set cidr=10.0.0.1/16`)
     help: `cidr`: The VPC's addresses (default `10.0.0.0/16`)
    ");
}

#[test]
fn a_wrong_value_says_where_it_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dev.env");
    fs::write(&file, "# zones\nexport AOMIDORI_ZONES='many'\n").unwrap();
    let text = refused(&format!("validate --env-file {}", file.display()), &[]);
    assert_snapshot!(text.replace(&*dir.path().to_string_lossy(), "DIR"), @"
    --- stderr
    error: the input `zones` cannot be `many`
      why: invalid digit found in string (set by AOMIDORI_ZONES in DIR/dev.env)
     help: `zones`: How many availability zones (default `2`)
    ");
}

#[test]
fn all_problems_of_a_stack_are_shown() {
    assert_snapshot!(refused("validate --set cidr=10.1.0.0/16", &[]), @"
    --- stderr
    error: the stack has 2 problems
      E-CIDR-OUTSIDE network/subnet/eu-central-1a cidr_block
          `10.0.0.0/24` does not lie inside the VPC's `10.1.0.0/16`
          help: choose a part of the VPC's network, or widen the VPC
      E-CIDR-OUTSIDE network/subnet/eu-central-1b cidr_block
          `10.0.1.0/24` does not lie inside the VPC's `10.1.0.0/16`
          help: choose a part of the VPC's network, or widen the VPC
     help: nothing was changed; correct these and run the command again
    ");
}

#[test]
fn flags_win_over_variables_over_files_over_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("1.env"), dir.path().join("2.env"));
    fs::write(&first, "AOMIDORI_ZONES=1\nIRRELEVANT='$(never executed)'\n").unwrap();
    fs::write(&second, "AOMIDORI_ZONES=3\n").unwrap();
    let resources = |arguments: &str, variables: &[(&str, &str)]| {
        let (exit, text) = run(&format!("validate {arguments}"), variables);
        assert_eq!(exit, Exit::Done, "{text}");
        text.split(['(', ' ']).filter_map(|word| word.parse::<usize>().ok()).next().unwrap() - 1
    };
    let files = format!("--env-file {} --env-file {}", first.display(), second.display());
    let only_first = format!("--env-file {}", first.display());
    assert_eq!(resources("", &[]), 2);
    assert_eq!(resources(&only_first, &[]), 1);
    assert_eq!(resources(&files, &[]), 3);
    assert_eq!(resources(&files, &[("AOMIDORI_ZONES", "2")]), 2);
    assert_eq!(resources(&format!("{files} --set zones=1"), &[("AOMIDORI_ZONES", "2")]), 1);
}

#[test]
fn env_files_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let plain = |text: String| text.replace(&*dir.path().to_string_lossy(), "DIR");
    let with = |name: &str, content: &str| {
        let file = dir.path().join(name);
        fs::write(&file, content).unwrap();
        plain(refused(&format!("validate --env-file {}", file.display()), &[]))
    };
    assert_snapshot!(plain(refused(&format!("validate --env-file {}/none.env", dir.path().display()), &[])), @"
    --- stderr
    error: the env file DIR/none.env cannot be read
      why: No such file or directory (os error 2)
     help: name a file that exists, or leave `--env-file` out
    ");
    assert_snapshot!(with("shell.env", "set -e\naws configure\n"), @"
    --- stderr
    error: DIR/shell.env is not an env file: `set -e`
      why: a line is NAME=VALUE, a comment or empty
     help: quote values with blanks; shell commands are never executed (`.envrc` files are no env files)
    ");
    assert_snapshot!(with("typo.env", "AOMIDORI_TARGETS=aws\n"), @"
    --- stderr
    error: nothing reads the variable `AOMIDORI_TARGETS` of DIR/typo.env
      why: variables that start with AOMIDORI_ are this program's, so it is probably misspelt
     help: did you mean `AOMIDORI_TARGET`?
    ");
}

#[test]
fn stack_files_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let with = |name: &str, content: &str| {
        let file = dir.path().join(name);
        fs::write(&file, content).unwrap();
        let text = refused(&format!("validate --stack {}", file.display()), &[]);
        text.replace(&*dir.path().to_string_lossy(), "DIR")
    };
    assert_snapshot!(with("text.json", "once upon a time"), @"
    --- stderr
    error: DIR/text.json is not a stack that this program can use
      why: expected value at line 1 column 1
     help: `show --out FILE` writes a stack file; start from one
    ");
    assert_snapshot!(with("other.json", r#"{"format": "aomidori-plan", "version": 1}"#), @"
    --- stderr
    error: DIR/other.json is not a stack that this program can use
      why: this is not a stack file: its `format` is not `aomidori-stack`
     help: `show --out FILE` writes a stack file; start from one
    ");
    assert_snapshot!(with("later.json", r#"{"format": "aomidori-stack", "version": 7}"#), @"
    --- stderr
    error: DIR/later.json is not a stack that this program can use
      why: the stack file is of version 7, and this program reads version 1
     help: write it again with this program's version (`show --out FILE`), or use the version that wrote it
    ");
    let resources = r#"[{"address": "network/vpc", "kind": "vpc", "spec": {"cidr": "10.0.0.0/33"}},
        {"address": "network/subnet", "kind": "subnett", "spec": {}}]"#;
    let stack = format!(r#"{{"format": "aomidori-stack", "version": 1, "name": "shop", "resources": {resources}}}"#);
    assert_snapshot!(with("problems.json", &stack), @"
    --- stderr
    error: DIR/problems.json is not a stack that this program can use
      E-SPEC network/vpc cidr
          `10.0.0.0/33` is not an IPv4 network such as `10.0.0.0/16` (`resources[0]`, line 1 column 146)
          help: correct the value; the model's documentation has each kind's fields
      E-KIND network/subnet kind
          `subnett` is not a kind of resource (`resources[1]`, line 2 column 47)
          help: the kinds are vpc, subnet, internet_gateway, elastic_ip, nat_gateway, route_table, vpc_endpoint,
                security_group, security_group_rule, ecr_repository, iam_policy, iam_role, log_group, ecs_cluster,
                load_balancer, target_group, listener, listener_rule, dns_record, private_dns_namespace,
                discovery_service, task_definition, ecs_service, deployment_config, code_deploy_application,
                deployment_group
    ");
}

#[test]
fn a_stack_file_is_as_good_as_the_programs_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stack.json");
    let (exit, _) = run(&format!("show --out {} --set zones=1", file.display()), &[]);
    assert_eq!(exit, Exit::Done);
    let (exit, text) = run(&format!("show --stack {}", file.display()), &[]);
    assert_eq!(exit, Exit::Done);
    assert_snapshot!(text, @"
    --- stdout
    shop-dev, 2 resources

    network
      network/subnet/eu-central-1a  subnet  10.0.0.0/24 eu-central-1a
      network/vpc                   VPC     10.0.0.0/16
    ");
    assert_snapshot!(refused(&format!("show --stack {} --set zones=1", file.display()), &[])
        .replace(&*dir.path().to_string_lossy(), "DIR"), @"
    --- stderr
    error: inputs mean nothing to a stack that is read from a file
      why: set by `--set zones=1`
     help: leave them out, or change the file
    ");
}

#[test]
fn settings_that_are_not_what_a_flag_takes() {
    assert_snapshot!(refused("plan", &[("AOMIDORI_PARALLELISM", "many")]), @"
    --- stderr
    error: the variable AOMIDORI_PARALLELISM is `many`, which is not a number
    ");
    assert_snapshot!(refused("plan --parallelism 0", &[]), @"
    --- stderr
    error: `--parallelism` is `0`, which is not a number from 1 to 256
    ");
    assert_snapshot!(refused("plan --account 42", &[]), @"
    --- stderr
    error: `--account` is `42`, which is not an account id: twelve digits
    ");
    assert_snapshot!(refused("plan", &[("AOMIDORI_LOCAL_SPEED", "fast")]), @"
    --- stderr
    error: the variable AOMIDORI_LOCAL_SPEED is `fast`, which is not a positive number or `instant`
    ");
}

#[test]
fn errors_are_results_too() {
    let (exit, text) = run("validate --json --set zone=3", &[]);
    assert_eq!(exit, Exit::Error);
    let line = text.lines().find(|line| line.starts_with('{')).unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    insta::assert_json_snapshot!(json, @r#"
    {
      "command": "validate",
      "error": {
        "code": "unknown_input",
        "help": [
          "did you mean `zones`?",
          "its inputs are cidr, zones"
        ],
        "message": "the stack has no input `zone`",
        "why": [
          "it was set by `--set zone=3`"
        ]
      },
      "exit": 1,
      "result": null,
      "type": "result",
      "version": 1
    }
    "#);
}

#[test]
fn shows_one_resource() {
    assert_snapshot!(run("show network/vpc", &[]).1, @r#"
    --- stdout
    network/vpc  VPC (aws_vpc)

      cidr_block         = "10.0.0.0/16"  # a change replaces it
      enable_dns_support = true
      tags = {
        Name = "shop-dev-vpc"
        "aomidori:address" = "network/vpc"
        "aomidori:stack" = "shop-dev"
      }

    needed by: network/subnet/eu-central-1a, network/subnet/eu-central-1b
    "#);
    assert_snapshot!(refused("show network/vcp", &[]), @"
    --- stderr
    error: the stack has no resource `network/vcp`
     help: did you mean `network/vpc`?
     help: `show` lists all of them
    ");
}

#[test]
fn shows_the_graph() {
    assert_snapshot!(run("graph --set zones=1", &[]).1, @r#"
    --- stdout
    digraph "shop-dev" {
      rankdir = BT
      node [shape = box, style = rounded]
      subgraph cluster_0 {
        label = "network"
        "network/subnet/eu-central-1a" [label = "subnet/eu-central-1a\nsubnet"]
        "network/vpc" [label = "vpc\nVPC"]
      }
      "network/subnet/eu-central-1a" -> "network/vpc"
    }
    "#);
}

#[test]
fn inputs_have_variables() {
    let key = InputKey { key: "test-sources".into(), default: String::new(), help: String::new() };
    assert_eq!(key.variable(), "AOMIDORI_TEST_SOURCES");
}
