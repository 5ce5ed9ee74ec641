ALTER TABLE groups_snapshots COMMENT COLUMN benefit_lift 'Members'' posts after the latest 7 benefits / those usual there'
