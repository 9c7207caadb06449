/** Something the person at the terminal must know: its message is all they see, without a stack. */
export class StartFailure extends Error {}
