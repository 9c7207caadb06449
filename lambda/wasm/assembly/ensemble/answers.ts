// What the functions of an ensemble's building answer; lambda/score/ensemble.ts has the words.

export const FINE: i32 = 0;
/** Not what our exporters write; onnxruntime may know it. */
export const OTHER: i32 = -1;
/** Not protobuf, or a number that no list has. */
export const DAMAGED: i32 = -2;
export const FEATURE_OUT_OF_RANGE: i32 = -3;
export const CHILD_OUT_OF_RANGE: i32 = -4;
export const COME_TO_TWICE: i32 = -5;
export const TARGET_OUT_OF_RANGE: i32 = -6;
export const LENGTHS_DIFFER: i32 = -7;
export const TOO_LARGE: i32 = -8;
