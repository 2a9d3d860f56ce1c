//! Stacks of several practice environments.

use aomidori_cli::BoxError;
use aomidori_model::Stack;
use aomidori_model::kinds::TaskDefinition;
use aomidori_model::kinds::task_definition::Image;
use aomidori_practice::Inputs;

/// A public image: what a stack's own repository has to hold first is pushed by neither tool.
const IMAGE: &str = "public.ecr.aws/nginx/nginx:stable";

/// A stack of so many practice environments, each with a network and names of its own.
pub(crate) fn of(environments: u8) -> Result<Stack, BoxError> {
    let mut stack = Stack::new("bench".parse()?);
    for number in 0..environments {
        let name = format!("practice-{number:03}");
        let mut inputs = Inputs::default();
        inputs.set("product", &name)?;
        inputs.set("vpc_cidr", &format!("10.{number}.0.0/16"))?;
        for (input, thirds) in [("public_cidrs", [0, 1]), ("private_cidrs", [100, 101]), ("storage_cidrs", [201, 200])]
        {
            inputs.set(input, &thirds.map(|third| format!("10.{number}.{third}.0/24")).join(","))?;
        }
        aomidori_practice::add(&mut stack, &name, &inputs)?;
    }
    let definitions: Vec<_> =
        stack.of::<TaskDefinition>().map(|(address, wanted)| (address.clone(), wanted.clone())).collect();
    for (address, mut definition) in definitions {
        for container in &mut definition.containers {
            container.image = Image::Uri(IMAGE.to_owned());
        }
        if let Some(entry) = stack.get_mut(&address) {
            entry.resource = definition.into();
        }
    }
    match &stack.validate()[..] {
        [] => Ok(stack),
        problems => Err(format!("{problems:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it finds something wrong")]

    use super::*;

    #[test]
    fn environments_have_nothing_in_common() {
        let one = of(1).unwrap().len();
        let three = of(3).unwrap();
        assert_eq!(three.len(), 3 * one);
        let second = |needle: &str| three.iter().filter(|(address, _)| address.as_str().starts_with(needle)).count();
        assert_eq!(second("practice-001/"), one);
    }
}
