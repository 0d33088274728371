//! Every mnemonic with every kind of operand.
