#include "scenario.h"
const scenario queue_scenarios[] = {{.name = NULL}};
