//! What tickets refer to.

use std::collections::BTreeMap;

use super::ticket::{Agent, Attribute, Category, Customer, Tag};

/// Everything that tickets refer to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    /// Customers, by id order.
    pub customers: BTreeMap<String, Customer>,
    /// Agents, archived ones too.
    pub agents: Vec<Agent>,
    /// Categories, archived ones too.
    pub categories: Vec<Category>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Definitions of custom attributes, of tickets and of customers.
    pub attributes: Vec<Attribute>,
}
