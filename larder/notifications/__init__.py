"""Who is told what happened: mails, and how far each has come."""
