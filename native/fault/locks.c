#include "scenario.h"
const scenario lock_scenarios[] = {{.name = NULL}};
