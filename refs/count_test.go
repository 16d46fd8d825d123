package refs_test

const childEnv = "FSK_REFS_TEST_CHILD"

func countChild() int { return 0 }
