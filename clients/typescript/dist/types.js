/** The objects that the SDK itself uses. Answers may have more members, and new values. */
export {};
