"""Speed against peers and against the machine's ceiling; `absorb bench` runs what is here."""
