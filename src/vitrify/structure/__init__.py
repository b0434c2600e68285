"""Structure per system: what one configuration looks like on average."""
