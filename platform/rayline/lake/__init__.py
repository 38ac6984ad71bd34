"""Tables and files kept in snapshots: each append is wholly in or wholly out, and old states stay readable."""
