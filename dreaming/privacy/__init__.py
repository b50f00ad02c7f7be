"""What must not leave for a cloud: found in a text, and masked.

Pure: text and settings in, text out. Each module finds one kind of sensitive span; `Masking` calls
them all, merges spans that overlap, and replaces each with a placeholder. Secrets are searched in
whole messages, because what makes a word a secret is often the text around it; a part of a message
is masked with the spans of the whole. The same text gives the same masked text, so that the same
request is recognised and not bought twice.

    sensitive_span.py  a sensitive span of a text: its range and its kind
    keys.py            keys, tokens and addresses that are recognised by their form alone
    numbers.py         numbers of payment cards and bank accounts, by their check digits
    word_shapes.py     whether a word looks like a password, or like an everyday word
    secret_names.py    words that name a secret, in English, Chinese and Japanese
    named_secrets.py   the values beside such words
    logins.py          passwords on a command line, or in a text about a login
    user_marks.py      what the user marked: <private> ... </private>, and own patterns
    masking.py         all of these together; a placeholder for each span

It is used by `dreaming.providers.outgoing` for models and `dreaming.showing.disclosing` for
assistants. What is stored is never changed. docs/privacy.md says what is promised.
"""
