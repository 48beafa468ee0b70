#include "scenario.h"
const scenario name_scenarios[] = {{.name = NULL}};
