//! The help texts, and that every flag has its variable.

use clap::CommandFactory;
use insta::assert_snapshot;

use super::app;
use crate::args::Program;
use crate::settings::VARIABLES;

fn help(path: &[&str], long: bool) -> String {
    let mut command = app().clap(Program::command()).bin_name("shop").term_width(100);
    command.build();
    let mut at = &mut command;
    for name in path {
        at = at.find_subcommand_mut(name).unwrap();
    }
    let text = if long { at.render_long_help() } else { at.render_help() };
    text.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_program() {
    assert_snapshot!(help(&[], false), @"
    A whole program around [`Command`]; what [`App::main`](crate::App::main) parses

    Usage: shop <COMMAND>

    Commands:
      plan         Show what `up` (or `down`) would do, and change nothing
      up           Stand the environment up, or bring it to what the stack says
      down         Tear the environment down, and leave nothing
      status       Show the environment as it is: services, traffic, deployments, images
      register     Make a new revision of a service's task definition, with another image
      deploy       Deploy an image or a revision to a service
      reroute      Shift production traffic to green, where a deployment waits for that
      rollback     Go back: stop the deployment that runs, or deploy an earlier generation
      generations  List every generation of a service that served, and whether one can go back to it
      wait         Wait for the deployment that runs
      attach       Follow a deployment, whoever started it, and take it over
      appspec      Print the AppSpec with which CodeDeploy is told what to deploy
      scale        Change how many tasks a service has
      tasks        List the tasks of a service, with why they stopped
      show         Show what the stack is: all resources by group, one in detail, or a saved plan
      validate     Check the stack without asking any cloud
      graph        Print the dependency graph in Graphviz's dot language
      iam-policy   Print the IAM policy that whoever works on the stack needs
      emit         Write the stack in another tool's language
      adopt        Take over what others made: by tags alone, nothing is created again
      local        Start, stop or look at the local cloud

    Options:
      -h, --help  Print help (see more with '--help')

    Exit codes:
        0  done, or no changes
        1  error
        2  changes are pending (`plan --detailed-exitcode`)
        3  leftovers after `down`, or foreign drift (`plan --detailed-exitcode`)
        4  deployed, but rolled back
        5  refused by a guard: lock, account, unconfirmed, stale plan, missing images
      130  interrupted
    ");
}

#[test]
fn up() {
    assert_snapshot!(help(&["up"], false), @"
    Stand the environment up, or bring it to what the stack says

    Usage: shop up [OPTIONS] [PLANFILE]

    Arguments:
      [PLANFILE]  A plan saved by `plan --out`: carried out as it was seen, or refused as stale

    Options:
          --no-image-check  Do not stop where a container image is not in its repository yet [env:
                            AOMIDORI_NO_IMAGE_CHECK]
      -h, --help            Print help (see more with '--help')

    Change:
      -y, --yes         Do not ask [env: AOMIDORI_YES]
          --break-lock  Take the stack's lock, whoever holds it. Only if that run is surely dead [env:
                        AOMIDORI_BREAK_LOCK]

    Output:
          --compact       Show one line for each resource, without its fields [env: AOMIDORI_COMPACT]
          --json          Print newline-delimited JSON: events, and last the result [env: AOMIDORI_JSON]
          --color <WHEN>  Colour: auto (on a terminal, unless NO_COLOR is set), always, never [default:
                          auto] [env: AOMIDORI_COLOR]
      -v, --verbose...    Say more: every start, wait and retry

    Stack:
          --stack <FILE>     Read the stack from this file (`show --out FILE` writes one) in place of
                             the program's own [env: AOMIDORI_STACK]
          --set <KEY=VALUE>  Set an input of the stack; repeatable. Each input also has a variable:
                             `AOMIDORI_` and its name in capitals
          --env-file <FILE>  Read variables (`AOMIDORI_*`, `AWS_*`) from this dotenv file; repeatable, a
                             later one wins, the environment wins over all. The file is parsed, never
                             executed [env: AOMIDORI_ENV_FILE]

    Cloud:
          --target <local|aws>  Which cloud [default: local] [env: AOMIDORI_TARGET]
          --profile <NAME>      The profile of AWS's configuration files [env: AOMIDORI_PROFILE]
          --region <REGION>     The region [default: that of the stack's zones, else AWS's
                                configuration] [env: AOMIDORI_REGION]
          --account <ID>        Refuse to touch any account but this one [env: AOMIDORI_ACCOUNT]
          --parallelism <N>     How many calls run at once [default: 10] [env: AOMIDORI_PARALLELISM]

    Local cloud:
          --local-dir <DIR>       Where it keeps its state [default: `aomidori-local` in cargo's target
                                  directory, else in the user's state directory] [env:
                                  AOMIDORI_LOCAL_DIR]
          --local-speed <FACTOR>  How much faster than real time it runs, or `instant` [default: 60]
                                  [env: AOMIDORI_LOCAL_SPEED]
          --local-port <PORT>     Its port [default: a free one, kept] [env: AOMIDORI_LOCAL_PORT]
    ");
    let long = help(&["up"], true);
    let inputs = long.find("Inputs (").unwrap();
    assert_snapshot!(&long[inputs..], @"
    Inputs (--set KEY=VALUE, or the variable):
      cidr [default: 10.0.0.0/16] [env: AOMIDORI_CIDR]
          The VPC's addresses.
      zones [default: 2] [env: AOMIDORI_ZONES]
          How many availability zones.
    ");
}

#[test]
fn local() {
    assert_snapshot!(help(&["local"], false), @"
    Start, stop or look at the local cloud

    Usage: shop local <COMMAND>

    Commands:
      start   Start it, if it does not run
      stop    Stop it. What was made in it is kept
      status  Show whether it runs, its address, its clock and what is in it
      reset   Forget everything that was made in it

    Options:
      -h, --help  Print help (see more with '--help')
    ");
}

#[test]
fn emit() {
    assert_snapshot!(help(&["emit"], false), @"
    Write the stack in another tool's language

    Usage: shop emit <COMMAND>

    Commands:
      terraform  Write Terraform modules and what applies them
      ecspresso  Write ecspresso's files for every service
      pipeline   Write a pipeline that deploys a service with this program

    Options:
      -h, --help  Print help
    ");
}

#[test]
fn every_flag_has_a_variable() {
    fn check(command: &clap::Command, path: &str) {
        for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let long = arg.get_long().unwrap();
            // `--set` has one variable for each input, `-v` is counted, and help is help. What `adopt --service` takes is
            // another thing than the service that deployments are of.
            if ["set", "verbose", "help", "version", "service"].contains(&long) {
                continue;
            }
            let wanted = format!("AOMIDORI_{}", long.to_ascii_uppercase().replace('-', "_"));
            let found = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            assert_eq!(found.as_ref(), Some(&wanted), "{path} --{long}");
            assert!(VARIABLES.contains(&wanted.as_str()), "{wanted} is in no list of variables");
        }
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }
    check(&Program::command(), "shop");
}

#[test]
fn the_command_line_is_sound() {
    app().clap(Program::command()).debug_assert();
}
