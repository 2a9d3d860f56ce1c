//! aomidori-aws
