"""What must not leave for a cloud: found in text, and masked. Pure: text and settings in, text out.

    found.py     a range of a text, and what it is
    keys.py      keys, tokens and addresses that show by themselves what they are
    numbers.py   numbers of payment cards and bank accounts, by their check digits
    looks.py     whether a word looks like a password, or like what people write every day
    names.py     words that name a secret, in English, Chinese and Japanese
    named.py     what stands beside such a word
    logins.py    what follows a name in a login, on the command line or in a talk about one
    marks.py     what the user marked, <private> ... </private>, and patterns of his own
    masking.py   all of these together; a placeholder in the place of each

It is used by `dreaming.providers.outgoing` for models and `dreaming.showing.disclosing` for
assistants. What is stored is never changed. docs/privacy.md says what is promised.
"""
